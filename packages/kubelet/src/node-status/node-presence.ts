import type { Node } from '@berth/api/objects';
import type { Logger } from 'pino';
import type { ClusterApi } from '../api/cluster-api.ts';
import type { Clock } from '../clock.ts';
import { hostAddresses } from '../host-facts.ts';
import type { MachineFacts } from '../machine/machine-facts.ts';
import type { NodeResources } from '../machine/node-resources.ts';
import type { PodEvents } from '../pod-events.ts';
import type { RuntimeClient } from '../runtime/runtime-client.ts';
import { isRebooted } from './boot-record.ts';
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
  events: Pick<PodEvents, 'recordNode'>;
  /** Undefined: nobody is told. */
  api?: ClusterApi;
  clock: Clock;
  log: Logger;
}

/** The node as others see it: its object, its lease, and events of what has begun. */
export class NodePresence {
  readonly #options: NodePresenceOptions;
  readonly #reporter: NodeReporter;

  constructor(options: NodePresenceOptions) {
    this.#options = options;
    this.#reporter = new NodeReporter({
      ...options,
      registered: registeredNode(options.nodeName, options.machine, options),
      addresses: () => dualStack(options.nodeIPs.length > 0 ? options.nodeIPs : hostAddresses()),
    });
  }

  /** As it was looked at last. */
  get node(): Node {
    return this.#reporter.node;
  }

  /** Before the first pod: says what has begun. FAILED_PRECONDITION where a cgroup that is to be bounded isn't there. */
  async start(): Promise<void> {
    const { nodeName, machine, kubeletRoot, enforcesPods, enforceReserved, events } = this.#options;
    events.recordNode('Normal', 'Starting', 'Starting kubelet.');
    if (await isRebooted(kubeletRoot, machine.bootId)) {
      events.recordNode('Warning', 'Rebooted', `Node ${nodeName} has been rebooted, boot id: ${machine.bootId}`);
    }
    if (enforcesPods) events.recordNode('Normal', 'NodeAllocatableEnforced', 'Updated Node Allocatable limit across pods');
    for (const cgroup of await enforceReserved()) {
      events.recordNode('Normal', 'NodeAllocatableEnforced', `Updated limits on reserved cgroup ${cgroup}`);
    }
  }

  /** Looks at the node before it is due, and tells of it. */
  lookNow(): void {
    this.#reporter.lookNow();
  }

  /** Looks at the node, tells of it and renews its lease until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { api } = this.#options;
    const lease = api && new NodeLease({ ...this.#options, api });
    await Promise.all([this.#reporter.run(signal), lease?.run(signal)]);
  }
}
