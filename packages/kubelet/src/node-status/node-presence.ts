import type { Event, Node } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import type { Logger } from 'pino';
import type { ClusterApi } from '../api/cluster-api.ts';
import type { Clock } from '../clock.ts';
import { hostAddresses } from '../host-facts.ts';
import type { MachineFacts } from '../machine/machine-facts.ts';
import type { NodeResources } from '../machine/node-resources.ts';
import type { RuntimeClient } from '../runtime/runtime-client.ts';
import { isRebooted } from './boot-record.ts';
import { NodeEvents } from './node-events.ts';
import { NodeLease } from './node-lease.ts';
import { dualStack } from './node-object.ts';
import { NodeReporter } from './node-reporter.ts';
import type { NodeStatusOptions } from './node-status-options.ts';
import type { PressureProvider } from './pressure-provider.ts';
import { registeredNode } from './registered-node.ts';

interface NodePresenceOptions extends NodeStatusOptions {
  nodeName: string;
  kubeletRoot: string;
  machine: MachineFacts;
  resources: NodeResources;
  /** The runtime of pods without a class. */
  runtime: RuntimeClient;
  pressure: PressureProvider;
  /** Why the kubelet can't run pods now. */
  unhealthy(): string[];
  /** Where the kubelet's TLS port is; undefined: it has none. */
  port?: number;
  /** Bounds what is reserved for others than pods; gives the cgroups that were bounded. */
  enforceReserved(): Promise<string[]>;
  /** All pods together are bounded. */
  enforcesPods: boolean;
  /** Undefined: nobody is told. */
  api?: ClusterApi;
  clock: Clock;
  log: Logger;
}

/** The node as others see it: its object, its lease, its events. */
export class NodePresence {
  readonly #options: NodePresenceOptions;
  readonly #events: NodeEvents;
  readonly #reporter: NodeReporter;
  readonly #ended = new AbortController();
  /** Events on their way to the cluster. */
  readonly #telling = new Set<Promise<void>>();

  constructor(options: NodePresenceOptions) {
    this.#options = options;
    this.#events = new NodeEvents(options.clock, options.nodeName, (event) => this.#tell(event));
    this.#reporter = new NodeReporter({
      ...options,
      registered: registeredNode(options.nodeName, options.machine, options),
      addresses: () => dualStack(options.nodeIPs.length > 0 ? options.nodeIPs : hostAddresses()),
      events: this.#events,
    });
  }

  /** As it was looked at last. */
  get node(): Node {
    return this.#reporter.node;
  }

  events(): Event[] {
    return this.#events.list();
  }

  /** Before the first pod: says what has begun. FAILED_PRECONDITION where a cgroup that is to be bounded isn't there. */
  async start(): Promise<void> {
    const { nodeName, machine, kubeletRoot, enforcesPods, enforceReserved } = this.#options;
    this.#events.record('Normal', 'Starting', 'Starting kubelet.');
    if (await isRebooted(kubeletRoot, machine.bootId)) {
      this.#events.record('Warning', 'Rebooted', `Node ${nodeName} has been rebooted, boot id: ${machine.bootId}`);
    }
    if (enforcesPods) this.#events.record('Normal', 'NodeAllocatableEnforced', 'Updated Node Allocatable limit across pods');
    for (const cgroup of await enforceReserved()) {
      this.#events.record('Normal', 'NodeAllocatableEnforced', `Updated limits on reserved cgroup ${cgroup}`);
    }
  }

  /** Looks at the node, tells of it and renews its lease until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { api } = this.#options;
    const lease = api && new NodeLease({ ...this.#options, api });
    await Promise.all([this.#reporter.run(signal), lease?.run(signal)]);
    this.#ended.abort();
    await Promise.all(this.#telling);
  }

  #tell(event: Event): void {
    const { api, log } = this.#options;
    if (!api) return;
    const told = api
      .applyEvent(event, this.#ended.signal)
      .catch((thrown: unknown) => log.warn({ err: PluginError.from(thrown), reason: event.reason }, 'an event of the node was not told'))
      .finally(() => this.#telling.delete(told));
    this.#telling.add(told);
  }
}
