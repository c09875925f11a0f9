import { isDeepStrictEqual } from 'node:util';
import type { Node } from '@berth/api/objects';
import { onAbort } from '@berth/sdk/abort';
import { PluginError } from '@berth/sdk/errors';
import type { Logger } from 'pino';
import type { ClusterApi } from '../api/cluster-api.ts';
import type { Clock } from '../clock.ts';
import { kubernetesVersion } from '../kubernetes-version.ts';
import type { MachineFacts } from '../machine/machine-facts.ts';
import type { NodeResources } from '../machine/node-resources.ts';
import type { PodEvents } from '../pod-events.ts';
import type { RuntimeClient } from '../runtime/runtime-client.ts';
import { Wake } from '../wake.ts';
import { withConditionTaints } from './condition-taints.ts';
import { conditionEvents, nodeConditions } from './node-conditions.ts';
import { nodeObject } from './node-object.ts';
import type { NodeStatusOptions } from './node-status-options.ts';
import type { PressureProvider } from './pressure-provider.ts';
import { readRuntime } from './runtime-reading.ts';

interface NodeReporterOptions extends NodeStatusOptions {
  /** The node without its status. */
  registered: Node;
  resources: NodeResources;
  machine: MachineFacts;
  /** The runtime of pods without a class. */
  runtime: RuntimeClient;
  pressure: PressureProvider;
  /** Why the kubelet itself can't run pods. */
  unhealthy(): string[];
  addresses(): readonly string[];
  /** Of the kubelet's server; undefined: it has none. */
  port?: number;
  /** Undefined: nobody is told. */
  api?: ClusterApi;
  events: Pick<PodEvents, 'recordNode'>;
  clock: Clock;
  log: Logger;
}

const tries = 5;
/** How long the runtime may take to tell of itself. */
const readingDeadlineMs = 10_000;
const kubeletVersion = `v${kubernetesVersion}+berth`;

/** Looks at the node from time to time, and tells the cluster what has changed. */
export class NodeReporter {
  readonly #options: NodeReporterOptions;
  readonly #wake: Wake;
  #node: Node;
  #told: { node: Node; at: Date } | undefined;

  constructor(options: NodeReporterOptions) {
    this.#options = options;
    this.#wake = new Wake(options.clock);
    this.#node = options.registered;
  }

  /** The node as it was looked at last; without a status before the first look. */
  get node(): Node {
    return this.#node;
  }

  /** Looks now, after each period and when it is asked to, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, nodeStatusUpdateFrequencyMs } = this.#options;
    const unsubscribe = onAbort([signal], () => this.lookNow());
    while (!signal.aborted) {
      await this.look(signal);
      await this.#tell(signal);
      this.#wake.at(new Date(clock.now().getTime() + nodeStatusUpdateFrequencyMs));
      await this.#wake.wait();
    }
    unsubscribe();
  }

  /** Something has changed that is to be told before the next look is due. */
  lookNow(): void {
    this.#wake.ring();
  }

  /** Brings the node up to date. Never throws. */
  async look(signal: AbortSignal): Promise<void> {
    const { resources, machine, clock, registered, events, nodeStatusMaxImages, port, api } = this.#options;
    const runtime = await readRuntime(this.#options.runtime, AbortSignal.any([signal, AbortSignal.timeout(readingDeadlineMs)]));
    if (signal.aborted) return;
    const before = this.#node.status?.conditions ?? [];
    const health = { problems: [...runtime.problems, ...this.#options.unhealthy()], pressure: this.#options.pressure.pressure() };
    const conditions = nodeConditions(health, before, clock.now());
    const own = registered.spec?.taints ?? [];
    this.#node = nodeObject(registered, {
      capacity: resources.capacity(),
      allocatable: resources.allocatable(),
      conditions,
      taints: api ? own : withConditionTaints(own, conditions),
      addresses: this.#options.addresses(),
      machine,
      runtime,
      maxImages: nodeStatusMaxImages,
      kubeletVersion,
      ...(port !== undefined && { port }),
    });
    for (const reason of conditionEvents(before, conditions)) {
      events.recordNode('Normal', reason, `Node ${registered.metadata?.name} status is now: ${reason}`);
    }
  }

  /** Only what has changed is told at once; that the kubelet lives is told by its lease. */
  async #tell(signal: AbortSignal): Promise<void> {
    const { api, clock, log, nodeStatusReportFrequencyMs } = this.#options;
    const [node, told] = [this.#node, this.#told];
    const isDue = !told || clock.now().getTime() - told.at.getTime() >= nodeStatusReportFrequencyMs;
    if (!api || (!isDue && isSame(node, told.node))) return;
    for (let left = tries; left > 0 && !signal.aborted; left--) {
      try {
        await api.applyNode(node, signal);
        this.#told = { node, at: clock.now() };
        return;
      } catch (thrown) {
        if (!signal.aborted) log.warn({ err: PluginError.from(thrown), left: left - 1 }, "the node's status was not told");
      }
    }
  }
}

/** But for the times of the looks. */
function isSame(a: Node, b: Node): boolean {
  const withoutHeartbeats = ({ status, ...rest }: Node) => ({
    ...rest,
    status: { ...status, conditions: status?.conditions?.map(({ lastHeartbeatTime: _, ...condition }) => condition) },
  });
  return isDeepStrictEqual(withoutHeartbeats(a), withoutHeartbeats(b));
}
