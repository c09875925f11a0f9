import { describe, expect, it } from 'vitest';
import { profileInName, profileOfSlices } from './mig-profile.ts';

it.each([
  ['NVIDIA A100-SXM4-40GB MIG 1g.5gb', '1g.5gb'],
  ['NVIDIA A100-SXM4-40GB MIG 1c.2g.10gb', '1c.2g.10gb'],
  ['NVIDIA H100 80GB HBM3 MIG 1g.10gb+me', '1g.10gb+me'],
  ['NVIDIA H100 80GB HBM3', undefined],
])('profile in the name %s', (name, profile) => expect(profileInName(name)).toBe(profile));

describe('profile by slices', () => {
  const a100 = 42_298_834_944n;
  const h100 = 85_520_809_984n;
  it.each([
    [{ gpuSlices: 1, computeSlices: 1, memoryMiB: 4864n, gpuMemory: a100 }, '1g.5gb'],
    [{ gpuSlices: 2, computeSlices: 2, memoryMiB: 9856n, gpuMemory: a100 }, '2g.10gb'],
    [{ gpuSlices: 2, computeSlices: 1, memoryMiB: 9856n, gpuMemory: a100 }, '1c.2g.10gb'],
    [{ gpuSlices: 3, computeSlices: 3, memoryMiB: 19968n, gpuMemory: a100 }, '3g.20gb'],
    [{ gpuSlices: 7, computeSlices: 7, memoryMiB: 40192n, gpuMemory: a100 }, '7g.40gb'],
    [{ gpuSlices: 1, computeSlices: 1, memoryMiB: 9856n, gpuMemory: h100 }, '1g.10gb'],
  ])('%o: %s', (slices, profile) => expect(profileOfSlices(slices)).toBe(profile));
});
