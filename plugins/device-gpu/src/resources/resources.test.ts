import { describe, expect, it } from 'vitest';
import type { Gpu } from '../discovery/gpu.ts';
import { offerOf, type ResourceRules } from './resources.ts';

const rules: ResourceRules = { resourceName: 'nvidia.com/gpu', migStrategy: 'none', renameShared: false, replicasOf: () => 1 };

/** A GPU with MIG devices of these profiles; without MIG mode where none are given. */
function gpu(index: number, profiles?: readonly (string | undefined)[]): Gpu {
  const migDevices = (profiles ?? []).map((profile, mig) => ({
    id: `MIG-${index}-${mig}`,
    uuid: `MIG-${index}-${mig}`,
    index: mig,
    profile,
    gpuInstance: mig,
    computeInstance: 0,
    capabilityFiles: [],
  }));
  const place = { id: `GPU-${index}`, uuid: `GPU-${index}`, index, minor: index, busId: `0000:0${index}:00.0` };
  return { ...place, model: 'X', numaNode: undefined, migEnabled: profiles !== undefined, migDevices, problem: undefined };
}

function offered(gpus: Gpu[], more: Partial<ResourceRules> = {}): Record<string, string[]> {
  const { resources } = offerOf(gpus, { ...rules, ...more });
  return Object.fromEntries(resources.map(({ name, devices }) => [name, devices.map(({ id }) => id)]));
}

const problemsOf = (gpus: Gpu[], more: Partial<ResourceRules> = {}) => offerOf(gpus, { ...rules, ...more }).problems;

const plain = gpu(0);
const small = gpu(1, ['1g.5gb', '1g.5gb']);
const various = gpu(2, ['1g.5gb', '1g.10gb+me']);

describe.each(['none', 'single', 'mixed'] as const)('without MIG mode, strategy %s', (migStrategy) => {
  it('offers the GPUs', () => expect(offered([gpu(0), gpu(1)], { migStrategy })).toEqual({ 'nvidia.com/gpu': ['GPU-0', 'GPU-1'] }));
  it('offers nothing where there are none', () => expect(offered([], { migStrategy })).toEqual({}));
});

it('none offers GPUs whatever mode they are in', () => expect(offered([plain, small])).toEqual({ 'nvidia.com/gpu': ['GPU-0', 'GPU-1'] }));

describe('single', () => {
  it('offers MIG devices as GPUs', () =>
    expect(offered([small], { migStrategy: 'single' })).toEqual({ 'nvidia.com/gpu': ['MIG-1-0', 'MIG-1-1'] }));

  it.each([
    [[plain, small], "1 of 2 GPUs aren't in MIG mode"],
    [[small, various], 'there are MIG devices of the profiles 1g.5gb, 1g.10gb+me'],
  ])('offers none where they are not alike (%#)', (gpus, problem) => {
    expect(offered(gpus, { migStrategy: 'single' })).toEqual({ 'nvidia.com/gpu': [] });
    expect(problemsOf(gpus, { migStrategy: 'single' })).toEqual([expect.stringContaining(problem)]);
  });
});

describe('mixed', () => {
  it('offers each profile as a resource', () =>
    expect(offered([plain, small, various], { migStrategy: 'mixed', resourceName: 'vendor.example/card' })).toEqual({
      'vendor.example/card': ['GPU-0'],
      'vendor.example/mig-1g.5gb': ['MIG-1-0', 'MIG-1-1', 'MIG-2-0'],
      'vendor.example/mig-1g.10gb.me': ['MIG-2-1'],
    }));

  it('leaves out those of which nobody tells the profile', () => {
    expect(offered([gpu(0, [undefined])], { migStrategy: 'mixed' })).toEqual({});
    expect(problemsOf([gpu(0, [undefined])], { migStrategy: 'mixed' })).toEqual([expect.stringContaining('MIG-0-0 is not offered')]);
  });
});

describe('sharing', () => {
  const replicasOf = (name: string) => (name === 'nvidia.com/gpu' ? 2 : 1);

  it('counts each as several', () =>
    expect(offered([plain, small], { migStrategy: 'mixed', replicasOf })).toEqual({
      'nvidia.com/gpu': ['GPU-0::0', 'GPU-0::1'],
      'nvidia.com/mig-1g.5gb': ['MIG-1-0', 'MIG-1-1'],
    }));

  it('may call the resource otherwise', () =>
    expect(Object.keys(offered([plain, small], { migStrategy: 'mixed', replicasOf, renameShared: true }))).toEqual([
      'nvidia.com/gpu.shared',
      'nvidia.com/mig-1g.5gb',
    ]));
});
