import type { Pod } from '@berth/api/objects';
import type { Container, ContainerStats, CpuUsage, PodSandbox } from '@berth/sdk/cri';
import type { Clock } from '../clock.ts';
import { containerNameLabel, podNameLabel, podNamespaceLabel, podUidLabel } from '../cri/labels.ts';
import { findContainer } from '../pod.ts';
import type { RuntimeClient } from '../runtime/runtime-client.ts';
import { completed, figuresOf } from './cgroup-figures.ts';
import type { CgroupTree } from './cgroup-tree.ts';
import { cpuFromCri, criTime, ioFromCri, memoryFromCri, networkFromCri, swapFromCri } from './cri-figures.ts';
import type { FileSystems } from './file-system.ts';
import { statsOf } from './image-file-systems.ts';
import { networkOf } from './network.ts';
import type { ContainerReading, PodReading, ResourceFigures } from './node-reading.ts';
import type { PodStorage } from './pod-storage.ts';
import type { Rates } from './rates.ts';
import type { RuntimeFigures } from './runtime-figures.ts';

export interface PodReaderOptions {
  tree: CgroupTree;
  rates: Rates;
  storage: PodStorage;
  fileSystems: FileSystems;
  /** `/proc` */
  proc: string;
  clock: Clock;
  /** A pod's cgroup in cgroupfs notation; undefined where pods have none. */
  cgroupOf(pod: Pod, client: RuntimeClient, signal: AbortSignal): Promise<string | undefined>;
}

const imageId = /^(sha256:)?[0-9a-f]{64}$/;

/** Puts together what the runtime says of a pod and what the host's files tell of it. */
export class PodReader {
  readonly #options: PodReaderOptions;

  constructor(options: PodReaderOptions) {
    this.#options = options;
  }

  /** `pod` is undefined for one that the kubelet has no spec of. */
  async read(
    sandbox: PodSandbox,
    pod: Pod | undefined,
    { client, figures, onlyCpuAndMemory }: { client: RuntimeClient; figures: RuntimeFigures; onlyCpuAndMemory: boolean },
    signal: AbortSignal,
  ): Promise<PodReading> {
    const { linux } = figures.ofSandbox.get(sandbox.id) ?? {};
    const cgroup = pod && (await this.#options.cgroupOf(pod, client, signal));
    const usage = cgroup === undefined ? undefined : this.#options.tree.usage(cgroup);
    const containers = await Promise.all(
      newest(figures.containers.filter(({ podSandboxId }) => podSandboxId === sandbox.id)).map((container) =>
        this.#container(container, figures.ofContainer.get(container.id), cgroup, onlyCpuAndMemory ? undefined : pod),
      ),
    );
    const told = this.#told(sandbox.id, linux);
    const read = usage ? figuresOf(usage, this.#options.rates.of(cgroup ?? '', usage)) : sum(containers);
    const processCount = linux?.process?.processCount?.value ?? usage?.processes;
    const { labels, createdAt } = sandbox;
    return {
      podRef: { name: labels[podNameLabel] ?? '', namespace: labels[podNamespaceLabel] ?? '', uid: labels[podUidLabel] ?? '' },
      sandboxId: sandbox.id,
      startTime: criTime(createdAt),
      ...(cgroup !== undefined && usage && { cgroup }),
      ...completed(told, read),
      ...(processCount !== undefined && { processCount: Number(processCount) }),
      containers,
      ...(!onlyCpuAndMemory && (await this.#network(linux?.network && networkFromCri(linux.network), cgroup, pod))),
      ...(!onlyCpuAndMemory && pod && (await this.#storage(pod, containers))),
    };
  }

  async #container(
    { id, labels, createdAt, image }: Container,
    stats: ContainerStats | undefined,
    podCgroup: string | undefined,
    pod: Pod | undefined,
  ): Promise<ContainerReading> {
    const { tree, rates, storage, fileSystems, clock } = this.#options;
    const cgroup = podCgroup === undefined ? undefined : await tree.containerCgroup(podCgroup, id);
    const usage = cgroup === undefined ? undefined : tree.usage(cgroup);
    const name = labels[containerNameLabel] ?? '';
    const now = clock.now();
    const [rootfs, logs] = pod ? await Promise.all([statsOf(stats?.writableLayer, fileSystems, now), storage.logs(pod, name, now)]) : [];
    return {
      name,
      id,
      image: imageName(image, pod, name),
      startTime: criTime(createdAt),
      ...(cgroup !== undefined && { cgroup }),
      ...completed(this.#told(id, stats), usage && cgroup !== undefined ? figuresOf(usage, rates.of(cgroup, usage)) : {}),
      ...(rootfs && { rootfs, layerMountpoint: stats?.writableLayer?.fsId?.mountpoint }),
      ...(logs && { logs }),
    };
  }

  /** In CRI's words; its CPU rate is made here where the runtime has none. */
  #told(id: string, stats: Pick<ContainerStats, 'cpu' | 'memory' | 'swap' | 'io'> | undefined): ResourceFigures {
    const { cpu, memory, swap, io } = stats ?? {};
    return {
      ...(cpu && { cpu: { ...this.#rate(id, cpu), ...cpuFromCri(cpu) } }),
      ...(memory && { memory: memoryFromCri(memory) }),
      ...(swap && { swap: swapFromCri(swap) }),
      ...(io && { io: ioFromCri(io) }),
    };
  }

  #rate(id: string, { timestamp, usageNanoCores, usageCoreNanoSeconds }: CpuUsage): { usageNanoCores?: number } {
    if (usageNanoCores || !usageCoreNanoSeconds) return {};
    const rate = this.#options.rates.of(id, {
      at: new Date(Number(timestamp / 1_000_000n)),
      cpu: { total: usageCoreNanoSeconds.value },
    });
    return rate === undefined ? {} : { usageNanoCores: Number(rate) };
  }

  /** Where the runtime tells nothing, any process of the pod shows its namespace. A pod on the host's network has no traffic of its own. */
  async #network(told: PodReading['network'], cgroup: string | undefined, pod: Pod | undefined): Promise<Pick<PodReading, 'network'>> {
    if (told) return { network: told };
    const { tree, proc, clock } = this.#options;
    const inside = cgroup === undefined || pod?.spec?.hostNetwork ? undefined : await tree.anyProcess(cgroup);
    const network = inside === undefined ? undefined : await networkOf(inside, proc, clock.now());
    return network ? { network } : {};
  }

  async #storage(pod: Pod, containers: ContainerReading[]): Promise<Pick<PodReading, 'volumes' | 'ephemeralStorage'>> {
    const now = this.#options.clock.now();
    const volumes = await this.#options.storage.volumes(pod, now);
    const parts = containers.flatMap(({ rootfs, logs }) => [rootfs, logs]);
    const ephemeralStorage = await this.#options.storage.ephemeral(pod, volumes, parts, now);
    return { volumes, ...(ephemeralStorage && { ephemeralStorage }) };
  }
}

/** As the pod's author wrote it: a runtime may know an image by its id alone. */
function imageName(image: Container['image'], pod: Pod | undefined, container: string): string {
  const told = image?.userSpecifiedImage || image?.image || '';
  return imageId.test(told) ? ((pod && findContainer(pod, container)?.image) ?? told) : told;
}

/** Of several instances of a container the newest. */
function newest(containers: Container[]): Container[] {
  const byName = new Map<string, Container>();
  for (const container of containers.toSorted((a, b) => Number(a.createdAt - b.createdAt))) {
    byName.set(container.labels[containerNameLabel] ?? '', container);
  }
  return [...byName.values()].toSorted((a, b) => (a.labels[containerNameLabel] ?? '').localeCompare(b.labels[containerNameLabel] ?? ''));
}

/** What a pod without a cgroup of its own uses: what its containers do. */
function sum(containers: ContainerReading[]): ResourceFigures {
  const cpus = containers.flatMap(({ cpu }) => cpu ?? []);
  const memories = containers.flatMap(({ memory }) => memory ?? []);
  const [cpu, memory] = [cpus[0], memories[0]];
  const rates = cpus.filter(({ usageNanoCores }) => usageNanoCores !== undefined);
  return {
    ...(cpu && {
      cpu: {
        time: cpu.time,
        ...(rates.length > 0 && { usageNanoCores: add(rates, 'usageNanoCores') }),
        usageCoreNanoSeconds: add(cpus, 'usageCoreNanoSeconds'),
      },
    }),
    ...(memory && {
      memory: {
        time: memory.time,
        usageBytes: add(memories, 'usageBytes'),
        workingSetBytes: add(memories, 'workingSetBytes'),
        rssBytes: add(memories, 'rssBytes'),
        pageFaults: add(memories, 'pageFaults'),
        majorPageFaults: add(memories, 'majorPageFaults'),
      },
    }),
  };
}

function add<Key extends string>(objects: { [K in Key]?: number }[], key: Key): number {
  return objects.reduce((result, object) => result + (object[key] ?? 0), 0);
}
