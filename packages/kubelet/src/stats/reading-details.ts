import type { RuntimeClient } from '../runtime/runtime-client.ts';
import type { CgroupTree } from './cgroup-tree.ts';
import { devicesOf } from './devices.ts';
import { hasOwnNetwork, type InterfaceTraffic, interfaceTraffic } from './network.ts';
import type { NodeReading, PodReading } from './node-reading.ts';
import { RuntimeMetricsReader } from './runtime-metrics.ts';

/** What cAdvisor's metrics tell besides a reading. */
export interface ReadingDetails {
  /** Of the node's own network. */
  interfaces: InterfaceTraffic[];
  /** Of pods, by sandbox; a pod on the host's network has none of its own. */
  ofSandbox: Map<string, InterfaceTraffic[]>;
  /** By the mount point that writable layers are told with. */
  devices: Map<string, string>;
}

interface ReadingDetailsOptions {
  clients: readonly RuntimeClient[];
  tree: CgroupTree;
  /** `/proc` */
  proc: string;
}

/** Reads networks by the runtimes' metrics; where a runtime tells none, as cAdvisor does, through the namespace of any process of the pod. */
export class ReadingDetailsReader {
  readonly #options: ReadingDetailsOptions;
  readonly #metrics: RuntimeMetricsReader[];

  constructor(options: ReadingDetailsOptions) {
    this.#options = options;
    this.#metrics = options.clients.map((client) => new RuntimeMetricsReader(client));
  }

  async read({ pods, failed }: NodeReading, signal: AbortSignal): Promise<ReadingDetails> {
    const { proc } = this.#options;
    const layers = pods.flatMap(({ containers }) => containers.flatMap(({ layerMountpoint }) => layerMountpoint ?? []));
    const [interfaces = [], told, devices] = await Promise.all([
      interfaceTraffic('self', proc),
      // One that has just said nothing is not waited for again.
      Promise.all(this.#metrics.filter(({ handler }) => !failed.includes(handler)).map((metrics) => metrics.read(signal))),
      devicesOf(new Set(layers), proc),
    ]);
    const byRuntimes = new Map(told.flatMap((each) => [...each]));
    const ofSandbox = await Promise.all(
      pods.map(async (pod) => [pod.sandboxId, byRuntimes.get(pod.sandboxId) ?? (await this.#seenInside(pod))] as const),
    );
    return { interfaces, ofSandbox: new Map(ofSandbox), devices };
  }

  async #seenInside({ cgroup }: PodReading): Promise<InterfaceTraffic[]> {
    const { tree, proc } = this.#options;
    const inside = cgroup === undefined ? undefined : await tree.anyProcess(cgroup);
    if (inside === undefined || !(await hasOwnNetwork(inside, proc))) return [];
    return (await interfaceTraffic(inside, proc)) ?? [];
  }
}
