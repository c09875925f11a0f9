import { setTimeout as sleep } from 'node:timers/promises';
import { PluginError } from '@berth/sdk/errors';
import { expectEqual, expectMatch, expectTrue, present } from '../../expect.ts';
import { expectRefused } from '../../refusals.ts';
import { type Case, SkipCase } from '../../suite.ts';
import { sinceRelease, unknownId } from '../expect.ts';
import type { LinuxResources } from '../messages.ts';
import { logs, resources } from '../needs.ts';
import type { TestContainer } from '../pod.ts';
import type { CriTarget } from '../target.ts';

const mebibyte = 1024 * 1024;
const pollMs = 50;
const tellingMs = 2000;

/** What a cgroup file says inside the container: that of v1, or the one of v2. */
function cgroupFile(container: TestContainer, v1: string, v2: string): Promise<string> {
  return container.script(`cat /sys/fs/cgroup/${v1} 2>/dev/null || cat /sys/fs/cgroup/${v2}`);
}

function withLimits<Result>(
  target: CriTarget,
  limits: LinuxResources,
  work: (container: TestContainer) => Promise<Result>,
): Promise<Result> {
  return target.withContainer({ linux: { resources: limits } }, async (container) => {
    await container.start();
    return work(container);
  });
}

/** Limits and shares, at the start and changed later. */
export const resourceCases: Case<CriTarget>[] = [
  {
    id: 'resource.memory-limit',
    group: 'resource',
    clause: 'memory_limit_in_bytes is the limit of the container (cri.proto, LinuxContainerResources.memory_limit_in_bytes)',
    proves: ['ContainerConfig.linux', 'LinuxContainerConfig.resources', 'LinuxContainerResources.memory_limit_in_bytes'],
    needs: [resources],
    async run(target) {
      await withLimits(target, { memoryLimitInBytes: 64 * mebibyte }, async (container) => {
        expectEqual(await cgroupFile(container, 'memory/memory.limit_in_bytes', 'memory.max'), String(64 * mebibyte), 'limit');
      });
    },
  },
  {
    id: 'resource.out-of-memory',
    group: 'resource',
    clause: 'a process that goes beyond the limit is killed: 137, OOMKilled (cri.proto, ContainerStatus.reason)',
    proves: ['LinuxContainerResources.memory_limit_in_bytes', 'ContainerStatus.reason'],
    needs: [resources],
    async run(target, signal) {
      const limits = { memoryLimitInBytes: 24 * mebibyte, memorySwapLimitInBytes: 24 * mebibyte };
      const command = ['sh', '-c', 'exec tail -c 200m /dev/zero'];
      await target.withContainer({ command, linux: { resources: limits } }, async (container) => {
        await container.start();
        expectEqual((await container.ended(signal)).exitCode, 137, 'exit_code');
        // The kernel tells of the kill and of the end by different ways.
        const deadline = Date.now() + tellingMs;
        let { reason } = await container.status();
        while (reason !== 'OOMKilled' && Date.now() < deadline) {
          await sleep(pollMs, undefined, { signal });
          ({ reason } = await container.status());
        }
        expectEqual(reason, 'OOMKilled', 'reason');
      });
    },
  },
  {
    id: 'resource.cpu-quota',
    group: 'resource',
    clause: 'cpu_quota and cpu_period bound the CPU time (cri.proto, LinuxContainerResources.cpu_quota)',
    proves: ['LinuxContainerResources.cpu_quota', 'LinuxContainerResources.cpu_period'],
    needs: [resources],
    async run(target) {
      await withLimits(target, { cpuQuota: 20_000, cpuPeriod: 50_000 }, async (container) => {
        const quota = await container.script(
          'if [ -e /sys/fs/cgroup/cpu.max ]; then cat /sys/fs/cgroup/cpu.max; else cd /sys/fs/cgroup/cpu && echo "$(cat cpu.cfs_quota_us) $(cat cpu.cfs_period_us)"; fi',
        );
        expectEqual(quota, '20000 50000', 'quota and period');
      });
    },
  },
  {
    id: 'resource.cpu-shares',
    group: 'resource',
    clause: 'cpu_shares is the relative weight, turned into cpu.weight on v2 (cri.proto, LinuxContainerResources.cpu_shares)',
    proves: ['LinuxContainerResources.cpu_shares'],
    needs: [resources],
    async run(target) {
      await withLimits(target, { cpuShares: 512 }, async (container) => {
        const weight = Number(await cgroupFile(container, 'cpu/cpu.shares', 'cpu.weight'));
        expectTrue(weight === 512 || (weight >= 19 && weight <= 60), `neither 512 shares nor a weight for them: ${weight}`);
      });
    },
  },
  {
    id: 'resource.cpuset',
    group: 'resource',
    clause:
      'cpuset_cpus are the CPUs that it may run on, cpuset_mems the nodes of its memory (cri.proto, LinuxContainerResources.cpuset_cpus)',
    proves: ['LinuxContainerResources.cpuset_cpus', 'LinuxContainerResources.cpuset_mems'],
    needs: [resources],
    async run(target) {
      await withLimits(target, { cpusetCpus: '0', cpusetMems: '0' }, async (container) => {
        const allowed = await container.script('grep -E "^(Cpus|Mems)_allowed_list" /proc/self/status | cut -f2');
        expectEqual(allowed, '0\n0', 'allowed CPUs and memory nodes');
      });
    },
  },
  {
    id: 'resource.oom-score',
    group: 'resource',
    clause: 'oom_score_adj is that of the first process (cri.proto, LinuxContainerResources.oom_score_adj)',
    proves: ['LinuxContainerResources.oom_score_adj'],
    needs: [resources],
    async run(target) {
      await withLimits(target, { oomScoreAdj: 777 }, async (container) => {
        expectEqual(await container.script('cat /proc/1/oom_score_adj'), '777', 'oom_score_adj');
      });
    },
  },
  {
    id: 'resource.unlimited',
    group: 'resource',
    clause: 'limits of 0 are not set (cri.proto, LinuxContainerResources)',
    proves: ['LinuxContainerResources.memory_limit_in_bytes'],
    needs: [resources],
    async run(target) {
      await withLimits(target, {}, async (container) => {
        const limit = await cgroupFile(container, 'memory/memory.limit_in_bytes', 'memory.max');
        expectTrue(limit === 'max' || BigInt(limit) > 2n ** 60n, `there is a limit: ${limit}`);
      });
    },
  },
  {
    id: 'resource.update',
    group: 'resource',
    clause: 'UpdateContainerResources changes the limits of a running container at once (cri.proto, UpdateContainerResources)',
    proves: ['UpdateContainerResources', 'UpdateContainerResourcesRequest.container_id', 'UpdateContainerResourcesRequest.linux'],
    needs: [resources],
    async run(target) {
      await withLimits(target, { memoryLimitInBytes: 64 * mebibyte }, async (container) => {
        await target.client.UpdateContainerResources({ containerId: container.id, linux: { memoryLimitInBytes: 96 * mebibyte } });
        expectEqual(await cgroupFile(container, 'memory/memory.limit_in_bytes', 'memory.max'), String(96 * mebibyte), 'limit');
        expectEqual((await container.status()).state, 'CONTAINER_RUNNING', 'state');
      });
    },
  },
  {
    id: 'resource.update-keeps-others',
    group: 'resource',
    clause: 'limits that an update leaves unset stay as they are (cri.proto, UpdateContainerResources)',
    proves: ['UpdateContainerResources', 'UpdateContainerResourcesRequest.annotations'],
    needs: [resources],
    async run(target) {
      await withLimits(target, { memoryLimitInBytes: 64 * mebibyte, cpuShares: 512 }, async (container) => {
        const before = await cgroupFile(container, 'memory/memory.limit_in_bytes', 'memory.max');
        const annotations = { 'example.com/why': 'conformance' };
        await target.client.UpdateContainerResources({ containerId: container.id, linux: { cpuShares: 256 }, annotations });
        expectEqual(await cgroupFile(container, 'memory/memory.limit_in_bytes', 'memory.max'), before, 'memory limit');
        const weight = Number(await cgroupFile(container, 'cpu/cpu.shares', 'cpu.weight'));
        expectTrue(weight === 256 || (weight >= 9 && weight <= 36), `neither 256 shares nor a weight for them: ${weight}`);
      });
    },
  },
  {
    id: 'resource.update-created',
    group: 'resource',
    clause: 'UpdateContainerResources takes a container that was not started yet (cri.proto, UpdateContainerResources)',
    proves: ['UpdateContainerResources'],
    needs: [resources],
    async run(target) {
      await target.withContainer({}, async (container) => {
        await target.client.UpdateContainerResources({ containerId: container.id, linux: { memoryLimitInBytes: 96 * mebibyte } });
        await container.start();
        expectEqual(await cgroupFile(container, 'memory/memory.limit_in_bytes', 'memory.max'), String(96 * mebibyte), 'limit');
      });
    },
  },
  {
    id: 'resource.update-unknown',
    group: 'resource',
    clause: 'UpdateContainerResources of an unknown container is an error (cri.proto, UpdateContainerResources)',
    proves: ['UpdateContainerResources'],
    async run({ client }) {
      const call = client.UpdateContainerResources({ containerId: unknownId, linux: { cpuShares: 256 } });
      await expectRefused(call, 'UpdateContainerResources of an unknown id', 'NOT_FOUND');
    },
  },
  {
    id: 'resource.update-exited',
    group: 'resource',
    clause:
      'UpdateContainerResources of a container that has ended changes nothing, whether it is refused or not (cri.proto, UpdateContainerResources)',
    proves: ['UpdateContainerResources'],
    needs: [resources],
    async run(target) {
      await target.withContainer({}, async (container) => {
        await container.start();
        await container.stop(0);
        const { finishedAt } = await container.status();
        await updateUnlessRefused(target, container.id);
        const after = await container.status();
        expectEqual(after.state, 'CONTAINER_EXITED', 'state');
        expectEqual(after.finishedAt, finishedAt, 'finished_at');
      });
    },
  },
  {
    id: 'resource.status',
    group: 'resource',
    clause: 'ContainerStatus tells the limits that hold, after updates too (cri.proto, ContainerStatus.resources)',
    proves: ['ContainerStatus.resources', 'ContainerResources.linux'],
    needs: [resources],
    async run(target) {
      sinceRelease(target, '0.26', 'ContainerStatus.resources');
      await withLimits(target, { memoryLimitInBytes: 64 * mebibyte }, async (container) => {
        const limit = async () => present((await container.status()).resources?.linux, 'resources.linux').memoryLimitInBytes;
        expectEqual(await limit(), String(64 * mebibyte), 'memory limit');
        await target.client.UpdateContainerResources({ containerId: container.id, linux: { memoryLimitInBytes: 96 * mebibyte } });
        expectEqual(await limit(), String(96 * mebibyte), 'memory limit after the update');
      });
    },
  },
  {
    id: 'resource.update-sandbox',
    group: 'resource',
    clause: 'UpdatePodSandboxResources takes the new sums of a sandbox (cri.proto, UpdatePodSandboxResources)',
    proves: [
      'UpdatePodSandboxResources',
      'UpdatePodSandboxResourcesRequest.pod_sandbox_id',
      'UpdatePodSandboxResourcesRequest.overhead',
      'UpdatePodSandboxResourcesRequest.resources',
    ],
    async run(target) {
      const { id } = await target.sharedPod();
      const sums = { cpuShares: 512, memoryLimitInBytes: 512 * mebibyte };
      await target.client.UpdatePodSandboxResources({ podSandboxId: id, overhead: { cpuShares: 2 }, resources: sums });
      expectTrue(await (await target.sharedPod()).isReady(), 'the sandbox is no longer ready');
    },
  },
  {
    id: 'resource.update-unknown-sandbox',
    group: 'resource',
    clause: 'UpdatePodSandboxResources of an unknown sandbox is an error (cri.proto, UpdatePodSandboxResources)',
    proves: ['UpdatePodSandboxResources'],
    async run({ client }) {
      const call = client.UpdatePodSandboxResources({ podSandboxId: unknownId, resources: { cpuShares: 512 } });
      await expectRefused(call, 'UpdatePodSandboxResources of an unknown id', 'NOT_FOUND');
    },
  },
  {
    id: 'resource.sandbox-sums',
    group: 'resource',
    clause:
      'the sums of overhead and resources in a sandbox configuration are for information and no error (cri.proto, LinuxPodSandboxConfig.resources)',
    proves: ['LinuxPodSandboxConfig.overhead', 'LinuxPodSandboxConfig.resources'],
    async run(target) {
      await target.withPod({ linux: { overhead: { cpuShares: 2 }, resources: { memoryLimitInBytes: 64 * mebibyte } } }, async (pod) => {
        expectTrue(await pod.isReady(), 'the sandbox is not ready');
      });
    },
  },
  {
    id: 'resource.malformed-cpuset',
    group: 'resource',
    clause: 'a cpuset that names no CPUs is an error of CreateContainer or StartContainer (cri.proto, LinuxContainerResources.cpuset_cpus)',
    proves: ['LinuxContainerResources.cpuset_cpus'],
    needs: [resources],
    async run(target) {
      const change = { linux: { resources: { cpusetCpus: 'all of them' } } };
      await expectRefused(
        target.withContainer(change, (container) => container.start()),
        'a malformed cpuset',
      );
    },
  },
  {
    id: 'resource.swap-limit',
    group: 'resource',
    clause:
      'memory_swap_limit_in_bytes as the memory limit is taken, and means no swap (cri.proto, LinuxContainerResources.memory_swap_limit_in_bytes)',
    proves: ['LinuxContainerResources.memory_swap_limit_in_bytes'],
    needs: [resources, logs],
    async run(target) {
      const limits = { memoryLimitInBytes: 64 * mebibyte, memorySwapLimitInBytes: 64 * mebibyte };
      await withLimits(target, limits, async (container) => {
        const swap = await container.script(
          'cat /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.swap.max 2>/dev/null || echo none',
        );
        expectMatch(swap, new RegExp(`^(none|0|${64 * mebibyte})$`), 'swap limit');
      });
    },
  },
];

async function updateUnlessRefused({ client }: CriTarget, containerId: string): Promise<void> {
  try {
    await client.UpdateContainerResources({ containerId, linux: { cpuShares: 256 } });
  } catch (error) {
    if (error instanceof SkipCase || PluginError.from(error).code === 'UNIMPLEMENTED') throw error;
  }
}
