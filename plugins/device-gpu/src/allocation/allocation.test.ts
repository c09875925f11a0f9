import { describe, expect, it } from 'vitest';
import type { Gpu } from '../discovery/gpu.ts';
import type { Unit } from '../resources/resources.ts';
import { type AllocationRules, allocationOf, type DeviceListStrategy } from './allocation.ts';
import type { AllocationFiles } from './allocation-files.ts';
import { cdiSpecification, hasUnits } from './cdi-specification.ts';

const gpu = { id: '0000:3b:00.0', uuid: 'GPU-a', index: 0, minor: 3 } as Gpu;
const whole: Unit = { id: gpu.id, gpu, mig: undefined };
const mig = {
  id: 'MIG-0000:3b:00.0/1/0',
  uuid: 'MIG-GPU-a/1/0',
  index: 1,
  profile: undefined,
  gpuInstance: 1,
  computeInstance: 0,
  capabilityFiles: [],
};
const part: Unit = { id: mig.id, gpu, mig };

const at = (path: string) => ({ hostPath: `/host${path}`, containerPath: path });
const files: AllocationFiles = {
  control: [at('/dev/nvidiactl')],
  ofUnit: (unit) => [at('/dev/nvidia3'), ...(unit.mig ? [at('/dev/nvidia-caps/nvidia-cap21')] : [])],
  mounts: [{ ...at('/usr/lib/libcuda.so.1'), readOnly: true }],
};

const rules = (...deviceListStrategy: DeviceListStrategy[]): AllocationRules => ({
  deviceListStrategy,
  deviceIdStrategy: 'uuid',
  cdiKind: 'k8s.device-plugin.nvidia.com/gpu',
});

describe('what a container gets', () => {
  it('by an environment variable', () =>
    expect(allocationOf([whole, part], rules('envvar'), files)).toEqual({
      envs: { NVIDIA_VISIBLE_DEVICES: 'GPU-a,MIG-GPU-a/1/0' },
      mounts: [{ hostPath: '/host/usr/lib/libcuda.so.1', containerPath: '/usr/lib/libcuda.so.1', readOnly: true }],
      devices: [at('/dev/nvidiactl'), at('/dev/nvidia3'), at('/dev/nvidia-caps/nvidia-cap21')],
    }));

  it('by indices as long as nobody knows the UUIDs', () => {
    const unused = { ...gpu, uuid: undefined };
    const units = [
      { ...whole, gpu: unused },
      { ...part, gpu: unused, mig: { ...mig, uuid: undefined } },
    ];
    expect(allocationOf(units, rules('envvar'), files).envs).toEqual({ NVIDIA_VISIBLE_DEVICES: '0,0:1' });
  });

  it('by indices', () =>
    expect(allocationOf([whole, part], { ...rules('envvar'), deviceIdStrategy: 'index' }, files).envs).toEqual({
      NVIDIA_VISIBLE_DEVICES: '0,0:1',
    }));

  it('by mounts', () => {
    const { envs, mounts } = allocationOf([whole], rules('volume-mounts'), files);
    expect(envs).toEqual({ NVIDIA_VISIBLE_DEVICES: '/var/run/nvidia-container-devices' });
    expect(mounts).toContainEqual({ hostPath: '/dev/null', containerPath: '/var/run/nvidia-container-devices/GPU-a', readOnly: true });
  });

  it('by CDI over CRI: all else comes by the specification', () =>
    expect(allocationOf([whole, part], rules('cdi-cri'), files)).toEqual({
      envs: {},
      mounts: [],
      devices: [],
      cdiDevices: ['k8s.device-plugin.nvidia.com/gpu=0000:3b:00.0', 'k8s.device-plugin.nvidia.com/gpu=MIG-0000:3b:00.0_1_0'],
    }));

  it('by CDI in annotations, one for each set of devices', () => {
    const annotationsOf = (...units: Unit[]) => Object.entries(allocationOf(units, rules('cdi-annotations'), files).annotations ?? {});
    expect(annotationsOf(whole)).toEqual([
      [expect.stringMatching(/^cdi\.k8s\.io\/[\w-]{1,63}$/), 'k8s.device-plugin.nvidia.com/gpu=0000:3b:00.0'],
    ]);
    expect(annotationsOf(whole)).toEqual(annotationsOf(whole));
    expect(annotationsOf(whole)[0]?.[0]).not.toBe(annotationsOf(part)[0]?.[0]);
  });

  it('for no devices: nothing', () => expect(allocationOf([], rules('envvar', 'cdi-cri'), files)).toEqual({}));

  it('once, where several replicas of one are allocated', () => {
    const { envs, devices } = allocationOf([whole, whole], rules('envvar'), files);
    expect(envs).toEqual({ NVIDIA_VISIBLE_DEVICES: 'GPU-a' });
    expect(devices).toHaveLength(2);
  });
});

describe('the CDI specification', () => {
  const kind = 'k8s.device-plugin.nvidia.com/gpu';

  it('has the devices of each, and once what all need', () =>
    expect(cdiSpecification(kind, [whole], files)).toEqual({
      cdiVersion: '0.5.0',
      kind,
      devices: [
        {
          name: '0000:3b:00.0',
          containerEdits: { deviceNodes: [{ path: '/dev/nvidia3', hostPath: '/host/dev/nvidia3', permissions: 'rw' }] },
        },
      ],
      containerEdits: {
        env: ['NVIDIA_VISIBLE_DEVICES=void'],
        deviceNodes: [{ path: '/dev/nvidiactl', hostPath: '/host/dev/nvidiactl', permissions: 'rw' }],
        mounts: [
          { hostPath: '/host/usr/lib/libcuda.so.1', containerPath: '/usr/lib/libcuda.so.1', options: ['ro', 'nosuid', 'nodev', 'bind'] },
        ],
      },
    }));

  it.each([
    [cdiSpecification(kind, [whole, part], files), true],
    [cdiSpecification(kind, [whole], files), false],
    [cdiSpecification('nvidia.com/gpu', [whole, part], files), false],
    [{ kind, devices: 'none' }, false],
    [null, false],
  ])('of somebody else has all units or not (%#)', (specification, all) => expect(hasUnits(specification, kind, [whole, part])).toBe(all));
});
