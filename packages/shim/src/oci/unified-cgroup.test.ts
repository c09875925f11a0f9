import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LinuxContainerResources, PodSandboxConfig } from '@berth/sdk/cri';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeOciRuntimes, OciHost } from '../../testing/oci-host.ts';
import type { ContainerSpec } from '../runtime.ts';
import type { CgroupDriver } from './cgroup-driver.ts';
import type { OciRuntime } from './oci-runtime.ts';

const hierarchy = '/sys/fs/cgroup';
const mebibyte = 1n << 20n;

/** Every limit that CRI knows, each unlike what a cgroup has by itself. */
const limits = {
  cpuPeriod: 50_000n,
  cpuQuota: 20_000n,
  cpuShares: 2048n,
  cpusetCpus: '0',
  cpusetMems: '0',
  memoryLimitInBytes: 64n * mebibyte,
  memorySwapLimitInBytes: 96n * mebibyte,
  hugepageLimits: [{ pageSize: '2MB', limit: 4n * mebibyte }],
  unified: { 'memory.high': '33554432', 'pids.max': '77' },
};

const inSlice = { linux: { cgroupParent: 'berthtests.slice' } };

/** What the kernel's files say of them (cgroup-v2.rst). */
const expected = {
  'cpu.max': '20000 50000',
  'cpu.weight': '79',
  'cpuset.cpus': '0',
  'cpuset.mems': '0',
  'memory.max': '67108864',
  'memory.swap.max': '33554432',
  'memory.high': '33554432',
  'pids.max': '77',
  'hugetlb.2MB.max': '4194304',
};

describeOciRuntimes('the one cgroup of a container', (binary) => {
  describe.each<CgroupDriver>(['cgroupfs', 'systemd'])('by the driver %s', (cgroupDriver) => {
    let host: OciHost;
    let runtime: OciRuntime;

    beforeEach(async ({ skip }) => {
      if (!existsSync(join(hierarchy, 'cgroup.controllers'))) skip('this host has cgroup v1');
      if (cgroupDriver === 'systemd' && !existsSync('/run/systemd/system')) skip('systemd does not run here');
      host = await OciHost.open(binary);
      runtime = await host.started({ cgroupDriver });
    });

    afterEach(() => host?.close());

    async function cgroupOf(spec: ContainerSpec): Promise<string> {
      const { cgroup } = await runtime.inspect(spec);
      return join(hierarchy, String(cgroup));
    }

    function files(cgroup: string): Record<string, string> {
      const textOf = (name: string): string => readFileSync(join(cgroup, name), 'utf8').trim();
      return Object.fromEntries(Object.keys(expected).map((name) => [name, textOf(name)]));
    }

    it('has every limit that was asked for, then those of an update, and tells what is used and how long it was waited for', async () => {
      const spec = host.container('sleep 600', { linux: { resources: limits } });
      await runtime.createContainer(spec, host.signal);
      await runtime.start(spec, host.signal);
      const cgroup = await cgroupOf(spec);
      expect(cgroup.endsWith('.scope')).toBe(cgroupDriver === 'systemd');
      expect(files(cgroup)).toEqual(expected);
      const changed = { ...limits, cpuQuota: 30_000n, cpusetCpus: '0-1', unified: { ...limits.unified, 'pids.max': '99' } };
      await runtime.update(spec, LinuxContainerResources.fromPartial(changed), host.signal);
      expect(files(cgroup)).toEqual({ ...expected, 'cpu.max': '30000 50000', 'cpuset.cpus': '0-1', 'pids.max': '99' });
      const usage = await runtime.usage(spec);
      expect(usage).toMatchObject({ memory: { limit: 64n * mebibyte, pressure: expect.anything() }, swap: { limit: 32n * mebibyte } });
      expect(usage).toMatchObject({ cpu: { pressure: expect.anything() }, io: { pressure: expect.anything() } });
      expect(usage?.processes).toBeGreaterThan(0n);
      await runtime.removeContainer(spec, host.signal);
      expect(existsSync(cgroup)).toBe(false);
    });

    it('ends what goes beyond its memory, and tells that', async () => {
      const resources = { memoryLimitInBytes: 24n * mebibyte, memorySwapLimitInBytes: 24n * mebibyte };
      const spec = host.container('exec tail -c 200m /dev/zero', { linux: { resources } });
      // systemd may have removed the container's cgroup before conmon looks: then only the pod's tells of it.
      if (cgroupDriver === 'systemd') spec.sandbox = host.sandboxSpec({ config: PodSandboxConfig.fromPartial(inSlice) });
      await runtime.createContainer(spec, host.signal);
      const events = runtime.events(host.signal);
      await runtime.start(spec, host.signal);
      for await (const event of events) {
        if (event.type !== 'exited') continue;
        expect(event).toMatchObject({ containerId: spec.id, exit: { exitCode: 137, reason: 'OOMKilled' } });
        break;
      }
      await runtime.removeContainer(spec, host.signal);
    });
  });
});
