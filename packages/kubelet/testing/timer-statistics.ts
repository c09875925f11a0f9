import {
  type ContainerConfig,
  ContainerState,
  ContainerStats,
  type ImageServiceService,
  type PodSandboxConfig,
  PodSandboxStats,
  type RuntimeServiceService,
} from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { CallContext, Implementation } from '@berth/sdk/serve';

/** What the timer runtime tells of what its containers use. */
export interface TimerFigures {
  /** As runtimes do that tell figures of containers only. */
  podsUnimplemented?: boolean;
  /** Nanoseconds of CPU time that each container has used. */
  cpu: bigint;
  /** Bytes, of each container. */
  memory: bigint;
  /** Bytes in each writable layer, and of all images. */
  disk: bigint;
  /** A directory on the disk of images and layers. */
  mountpoint: string;
}

/** The timer runtime, as far as figures go. */
interface Counted {
  figures: TimerFigures;
  containers: Map<string, { id: string; sandboxId: string; config: ContainerConfig; state: ContainerState }>;
  sandboxes: Map<string, { id: string; ready: boolean; config: PodSandboxConfig }>;
  faults: Map<string, (context: CallContext) => Promise<void> | void>;
}

/** The calls for figures, over what `runtime.figures` says at the time. */
export function statistics(runtime: Counted): Implementation<RuntimeServiceService> {
  const containers = () => [...runtime.containers.values()].filter(({ state }) => state === ContainerState.CONTAINER_RUNNING);
  return {
    listContainerStats: async (_request, context) => {
      await runtime.faults.get('ListContainerStats')?.(context);
      return { stats: containers().map(({ id, config }) => statsOf(id, config, runtime.figures)) };
    },
    containerStats: async ({ containerId }, context) => {
      await runtime.faults.get('ContainerStats')?.(context);
      const container = runtime.containers.get(containerId);
      if (!container) throw new PluginError('NOT_FOUND', 'there is none', { object: containerId });
      return { stats: statsOf(containerId, container.config, runtime.figures) };
    },
    listPodSandboxStats: async (_request, context) => {
      await runtime.faults.get('ListPodSandboxStats')?.(context);
      if (runtime.figures.podsUnimplemented) throw new PluginError('UNIMPLEMENTED', 'it tells figures of containers only');
      const ready = [...runtime.sandboxes.values()].filter((sandbox) => sandbox.ready);
      return {
        stats: ready.map(({ id, config: { metadata, labels, annotations } }) => {
          const inside = containers().filter(({ sandboxId }) => sandboxId === id);
          const usage = { rxBytes: { value: 10n }, txBytes: { value: 20n }, rxErrors: { value: 0n }, txErrors: { value: 1n } };
          return PodSandboxStats.fromPartial({
            attributes: { id, metadata, labels, annotations },
            linux: {
              network: { timestamp: now(), defaultInterface: { name: 'eth0', ...usage } },
              process: { timestamp: now(), processCount: { value: BigInt(inside.length) } },
              containers: inside.map((container) => statsOf(container.id, container.config, runtime.figures)),
            },
          });
        }),
      };
    },
  };
}

/** The call for figures of images. */
export function imageStatistics({ figures }: Pick<Counted, 'figures'>): Implementation<ImageServiceService> {
  return {
    imageFsInfo: () => ({
      imageFilesystems: [
        { timestamp: now(), fsId: { mountpoint: figures.mountpoint }, usedBytes: { value: figures.disk }, inodesUsed: { value: 7n } },
      ],
      containerFilesystems: [],
    }),
  };
}

function statsOf(
  id: string,
  { metadata, labels, annotations }: ContainerConfig,
  { cpu, memory, disk, mountpoint }: TimerFigures,
): ContainerStats {
  return ContainerStats.fromPartial({
    attributes: { id, metadata, labels, annotations },
    cpu: { timestamp: now(), usageCoreNanoSeconds: { value: cpu } },
    memory: { timestamp: now(), workingSetBytes: { value: memory }, usageBytes: { value: memory + 1000n } },
    writableLayer: { timestamp: now(), fsId: { mountpoint }, usedBytes: { value: disk }, inodesUsed: { value: 3n } },
  });
}

function now(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
