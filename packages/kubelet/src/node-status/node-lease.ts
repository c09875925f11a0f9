import type { Lease } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import type { Logger } from 'pino';
import type { ClusterApi } from '../api/cluster-api.ts';
import type { Clock } from '../clock.ts';
import { periodically } from './periodically.ts';

interface NodeLeaseOptions {
  nodeName: string;
  api: ClusterApi;
  nodeLeaseDurationSeconds: number;
  clock: Clock;
  log: Logger;
}

/** A lease is renewed after this part of its time. */
const renewalPart = 0.25;
const tries = 5;

/** Keeps the node's lease, by which the cluster sees that its kubelet lives. */
export class NodeLease {
  readonly #options: NodeLeaseOptions;

  constructor(options: NodeLeaseOptions) {
    this.#options = options;
  }

  /** Renews the lease until `signal` aborts. */
  run(signal: AbortSignal): Promise<void> {
    const { clock, nodeLeaseDurationSeconds } = this.#options;
    return periodically(clock, nodeLeaseDurationSeconds * 1000 * renewalPart, signal, () => this.#renew(signal));
  }

  async #renew(signal: AbortSignal): Promise<void> {
    const { api, log } = this.#options;
    for (let left = tries; left > 0 && !signal.aborted; left--) {
      try {
        return await api.applyLease(this.#lease(), signal);
      } catch (thrown) {
        if (!signal.aborted) log.warn({ err: PluginError.from(thrown), left: left - 1 }, "the node's lease was not renewed");
      }
    }
  }

  #lease(): Lease {
    const { nodeName, nodeLeaseDurationSeconds, clock } = this.#options;
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: nodeName, namespace: 'kube-node-lease' },
      spec: {
        holderIdentity: nodeName,
        leaseDurationSeconds: nodeLeaseDurationSeconds,
        renewTime: clock.now().toISOString().replace('Z', '000Z'),
      },
    };
  }
}
