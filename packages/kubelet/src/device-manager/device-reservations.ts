import type { Container, Pod } from '@berth/api/objects';
import type { Refusal } from '../plan/observed-pod.ts';
import { uidOf } from '../pod.ts';
import { type HintProvider, type ResourceHints, type TopologyHint, unexpectedRefusal } from '../topology-manager/hint-provider.ts';
import { chooseDevices } from './choose-devices.ts';
import { candidatesFor } from './device-candidates.ts';
import { deviceHints } from './device-hints.ts';
import type { DeviceHoldings } from './device-holdings.ts';
import { deviceRequests, podDeviceRequests } from './device-requests.ts';
import { unavailable, unregisteredDevice } from './refusals.ts';

interface DeviceReservationsOptions {
  holdings: DeviceHoldings;
  /** Those of the machine, where the topology manager asks for hints. */
  numaNodes(): readonly number[];
  /** Nothing has been heard of a resource's devices since the kubelet began, and something may be. */
  isAwaited(resource: string): boolean;
  /** For messages. */
  nameOfPod(uid: string): string;
}

/**
 * Sets devices apart for pods as they are admitted. Which ones exactly is settled when the plugin is asked, which may take its time: until then nobody
 * else gets these.
 */
export class DeviceReservations implements HintProvider {
  readonly #options: DeviceReservationsOptions;
  readonly #holdings: DeviceHoldings;

  constructor(options: DeviceReservationsOptions) {
    this.#options = options;
    this.#holdings = options.holdings;
  }

  containerHints(pod: Pod, container: Container): ResourceHints {
    return new Map(
      this.#requests(container).map(([resource, count]) => {
        const holding = this.#holdings.get({ uid: uidOf(pod), container: container.name, resource });
        const { devices, available, reusable } = candidatesFor(this.#holdings, pod, container, { resource, count, affinity: undefined });
        const request = holding ? { count, available: [], reusable: holding.ids } : { count, available, reusable };
        return [resource, deviceHints(devices, this.#options.numaNodes(), request)];
      }),
    );
  }

  podHints(pod: Pod): ResourceHints {
    const requests = [...podDeviceRequests(pod)].filter(([resource]) => this.#isDevice(resource));
    return new Map(
      requests.map(([resource, count]) => {
        const own = this.#holdings.ofPod(uidOf(pod)).flatMap((holding) => (holding.resource === resource ? holding.ids : []));
        const devices = this.#holdings.devicesOf(resource) ?? new Map();
        const request = { count, available: this.#holdings.available(resource), reusable: [...new Set(own)] };
        return [resource, deviceHints(devices, this.#options.numaNodes(), request)];
      }),
    );
  }

  /** What is of a plugin that hasn't come yet nobody can decide now: those devices are asked for later. */
  lacks(pod: Pod, container: Container): boolean {
    return this.#requests(container).some(([resource]) => {
      if (this.#options.isAwaited(resource)) return false;
      const holder = { uid: uidOf(pod), container: container.name, resource };
      return !this.#holdings.get(holder) && !this.#holdings.hasUnknownDevices(holder);
    });
  }

  allocate(pod: Pod, container: Container, { affinity }: TopologyHint): Refusal | undefined {
    for (const [resource, count] of this.#requests(container)) {
      if (this.#options.isAwaited(resource)) continue;
      const refusal = this.#reserve(pod, container, { resource, count, affinity });
      if (refusal) return unexpectedRefusal(refusal);
    }
    return undefined;
  }

  release(uid: string): void {
    this.#holdings.release(uid);
  }

  holders(): string[] {
    return this.#holdings.pods();
  }

  /** In kubelet's words. */
  #reserve(
    pod: Pod,
    container: Container,
    need: { resource: string; count: number; affinity: TopologyHint['affinity'] },
  ): string | undefined {
    const { resource, count, affinity } = need;
    const holder = { uid: uidOf(pod), container: container.name, resource };
    const holding = this.#holdings.get(holder);
    if (this.#holdings.hasUnknownDevices(holder) || holding?.ids.length === count) return undefined;
    if (holding) {
      return `pod ${JSON.stringify(holder.uid)} container ${JSON.stringify(holder.container)} changed request for resource ${JSON.stringify(resource)} from ${holding.ids.length} to ${count}`;
    }
    if (!this.#holdings.devicesOf(resource)) return unregisteredDevice(resource);
    const candidates = candidatesFor(this.#holdings, pod, container, need);
    const ids = chooseDevices(candidates);
    if (!ids) return `${unavailable(need, candidates)}${this.#holdersOfUnknown(resource)}`;
    this.#holdings.put({ ...holder, ids, affinity });
    return undefined;
  }

  #holdersOfUnknown(resource: string): string {
    const pods = this.#holdings.podsOfUnknown(resource).map((uid) => this.#options.nameOfPod(uid));
    if (pods.length === 0) return '';
    return `; which devices these pods have is not known any more, since the device manager's checkpoint was lost: ${pods.join(', ')}; end them`;
  }

  #requests(container: Container): [resource: string, count: number][] {
    return [...deviceRequests(container)].filter(([resource]) => this.#isDevice(resource));
  }

  /** Whether a plugin has it, or had when it was given. */
  #isDevice(resource: string): boolean {
    return this.#holdings.devicesOf(resource) !== undefined || this.#holdings.countHeld(resource) > 0;
  }
}
