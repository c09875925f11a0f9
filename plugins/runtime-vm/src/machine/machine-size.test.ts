import { PodSandboxConfig } from '@berth/sdk/cri';
import { describe, expect, it } from 'vitest';
import { machineSize } from './machine-size.ts';

const mebibyte = 1024 * 1024;
const base = { memoryBytes: 256 * mebibyte, cpus: 1 };

function size(linux: Parameters<typeof PodSandboxConfig.fromPartial>[0]['linux']) {
  const { memoryBytes, cpus } = machineSize(PodSandboxConfig.fromPartial({ linux }), base, 4);
  return { mebibytes: memoryBytes / mebibyte, cpus };
}

describe('machineSize', () => {
  it('is the base for a pod without limits', () => {
    expect(size(undefined)).toEqual({ mebibytes: 256, cpus: 1 });
    expect(size({ resources: { cpuShares: 2n } })).toEqual({ mebibytes: 256, cpus: 1 });
  });

  it("is the pod's memory limit and overhead, and what the guest itself needs", () => {
    const resources = { memoryLimitInBytes: BigInt(300 * mebibyte) };
    expect(size({ resources }).mebibytes).toBe(442);
    expect(size({ resources, overhead: { memoryLimitInBytes: BigInt(32 * mebibyte) } }).mebibytes).toBe(474);
  });

  it('is never less than the base, and whole 2 MiB', () => {
    expect(size({ resources: { memoryLimitInBytes: BigInt(mebibyte) } }).mebibytes).toBe(256);
    expect(size({ resources: { memoryLimitInBytes: BigInt(303 * mebibyte) } }).mebibytes).toBe(444);
  });

  it('has a CPU for each begun one of the limit, as far as the host has them', () => {
    expect(size({ resources: { cpuQuota: 150_000n, cpuPeriod: 100_000n } }).cpus).toBe(2);
    expect(size({ resources: { cpuQuota: 900_000n, cpuPeriod: 100_000n } }).cpus).toBe(4);
    expect(size({ resources: { cpuQuota: -1n, cpuPeriod: 100_000n } }).cpus).toBe(1);
  });
});
