import { expect, it } from 'vitest';
import { InterruptedCalls } from './interrupted-calls.ts';
import type { SystemCall } from './notifications.ts';

function call(tid: number, ...args: number[]): SystemCall {
  const arg = (index: number): number => args[index] ?? 0;
  return { number: 83, tid, arg, int: arg, long: (index) => BigInt(arg(index)) };
}

it('gives a repeated call the result of the first one, once', () => {
  const interrupted = new InterruptedCalls();
  interrupted.keep('mkdir', call(1, 0x1000), 0);
  expect(interrupted.take(call(2, 0x1000))).toBeUndefined();
  expect(interrupted.take(call(1, 0x2000))).toBeUndefined();
  expect(interrupted.take(call(1, 0x1000))).toBe(0);
  expect(interrupted.take(call(1, 0x1000))).toBeUndefined();
});

it('keeps nothing of calls that can simply be made again', () => {
  const interrupted = new InterruptedCalls();
  interrupted.keep('stat', call(1, 0x1000), 0);
  expect(interrupted.take(call(1, 0x1000))).toBeUndefined();
});
