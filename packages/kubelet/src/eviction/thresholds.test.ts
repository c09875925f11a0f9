import { describe, expect, it } from 'vitest';
import { defaultEviction } from './eviction-manager.ts';
import { amountOf, type EvictionThresholds, readThresholds } from './thresholds.ts';

const read = (options: Partial<EvictionThresholds>) => readThresholds({ ...defaultEviction, ...options });

describe('thresholds are read', () => {
  it('as quantities and percentages, memory for the node and for its pods together', () => {
    expect(read({ evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '10%' } })).toEqual([
      { signal: 'memory.available', value: { units: 104_857_600n }, gracePeriodMs: 0 },
      { signal: 'nodefs.available', value: { milliPercent: 10_000n }, gracePeriodMs: 0 },
      { signal: 'allocatableMemory.available', value: { units: 104_857_600n }, gracePeriodMs: 0 },
    ]);
  });

  it('soft ones with their grace period, all with the minimum reclaim of their signal', () => {
    expect(
      read({
        evictionSoft: { 'imagefs.available': '12.5%' },
        evictionSoftGracePeriodMs: { 'imagefs.available': 90_000 },
        evictionMinimumReclaim: { 'imagefs.available': '2Gi' },
      }),
    ).toEqual([
      { signal: 'imagefs.available', value: { milliPercent: 12_500n }, gracePeriodMs: 90_000, minReclaim: { units: 2_147_483_648n } },
    ]);
  });

  it.each(['0%', '100%'])('%s switches a threshold off', (value) => {
    expect(read({ evictionHard: { 'nodefs.available': value } })).toEqual([]);
  });

  it('a percentage is of the capacity', () => {
    expect(amountOf({ milliPercent: 12_500n }, 1000n)).toBe(125n);
  });
});

describe('thresholds are refused by their field', () => {
  it.each<[options: Partial<EvictionThresholds>, message: RegExp]>([
    [{ evictionHard: { 'memory.free': '1Gi' } }, /evictionHard\[memory.free\]: unknown signal; use one of memory.available/],
    [{ evictionHard: { 'memory.available': 'much' } }, /evictionHard\[memory.available\]: "much" is no quantity/],
    [{ evictionHard: { 'memory.available': '-1Gi' } }, /"-1Gi" is not positive/],
    [{ evictionHard: { 'memory.available': '0' } }, /"0" is not positive/],
    [{ evictionHard: { 'nodefs.available': '101%' } }, /"101%" is no percentage from 0% to 100%/],
    [{ evictionHard: { 'nodefs.available': 'x%' } }, /"x%" is no percentage/],
    [
      { evictionSoft: { 'nodefs.available': '10%' } },
      /evictionSoft\[nodefs.available\]: it needs a grace period in evictionSoftGracePeriod/,
    ],
    [{ evictionMinimumReclaim: { 'nodefs.available': '-5' } }, /evictionMinimumReclaim\[nodefs.available\]: "-5" is not positive/],
  ])('%j', (options, message) => {
    expect(() => read(options)).toThrow(message);
  });
});
