import { expect, it } from 'vitest';
import { CpuRates } from './cpu-rates.ts';

const usage = (seconds: number, total: bigint) => ({ at: new Date(seconds * 1000), cpu: { total } });

it('a CPU rate is that since the last reading, none at the first one', () => {
  const rates = new CpuRates();
  const owner = {};
  expect(rates.rate(owner, usage(0, 0n))).toBeUndefined();
  expect(rates.rate(owner, usage(10, 5_000_000_000n))).toBe(500_000_000n);
  expect(rates.rate({}, usage(11, 0n))).toBeUndefined();
});

it('a CPU rate of a moment ago is told again: counters move in steps', () => {
  const rates = new CpuRates();
  const owner = {};
  rates.rate(owner, usage(0, 0n));
  rates.rate(owner, usage(10, 5_000_000_000n));
  expect(rates.rate(owner, usage(10.5, 5_400_000_000n))).toBe(500_000_000n);
  expect(rates.rate(owner, usage(20, 5_000_000_000n))).toBe(0n);
});

it('there is no CPU rate across a clock that was set back, and one again from then on', () => {
  const rates = new CpuRates();
  const owner = {};
  rates.rate(owner, usage(100, 0n));
  expect(rates.rate(owner, usage(10, 1_000_000_000n))).toBeUndefined();
  expect(rates.rate(owner, usage(20, 6_000_000_000n))).toBe(500_000_000n);
});

it('there is no CPU rate for counters that began anew', () => {
  const rates = new CpuRates();
  const owner = {};
  rates.rate(owner, usage(0, 9n));
  expect(rates.rate(owner, usage(10, 3n))).toBeUndefined();
});
