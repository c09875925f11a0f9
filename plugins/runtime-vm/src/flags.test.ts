import { describe, expect, it } from 'vitest';
import { readFlags } from './flags.ts';

describe('readFlags', () => {
  it('has defaults', () => {
    expect(readFlags({}, {})).toEqual({
      guestDirectory: '/usr/lib/berth/guest',
      accelerator: 'auto',
      size: { memoryBytes: 256 * 1024 * 1024, cpus: 1 },
      watchdogMs: 30_000,
    });
  });

  it('takes the flag over the environment for where the guest is', () => {
    const environment = { BERTH_GUEST_DIR: '/environment' };
    expect(readFlags({}, environment).guestDirectory).toBe('/environment');
    expect(readFlags({ guest: '/flag' }, environment).guestDirectory).toBe('/flag');
  });

  it.each([
    [{ accelerator: 'hvf' }, '--accelerator: "hvf" is none of auto, kvm, tcg'],
    [{ memory: '64' }, '--memory: "64" is no whole number from 128'],
    [{ cpus: 'two' }, '--cpus: "two" is no whole number from 1'],
  ])('refuses %j by name', (flags, message) => {
    expect(() => readFlags(flags, {})).toThrow(message);
  });
});
