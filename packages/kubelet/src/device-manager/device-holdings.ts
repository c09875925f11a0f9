import type { ContainerAllocateResponse } from '@berth/sdk/device/protocol';
import type { NumaMask } from '../topology-manager/numa-mask.ts';
import { type DeviceSet, healthyOf } from './device-set.ts';

/** Whose devices they are. */
export interface Holder {
  uid: string;
  container: string;
  resource: string;
}

/** The devices that a container has of one resource. */
export interface Holding extends Holder {
  ids: readonly string[];
  /** Where it was decided that they should be near to; undefined: anywhere. */
  affinity?: NumaMask | undefined;
  /** What the plugin answered to Allocate; undefined: the devices are set apart, and the plugin hasn't been asked yet. */
  answer?: ContainerAllocateResponse;
}

/** Which devices there are, and who has them. Whom they are given to is for those to decide who give them. */
export class DeviceHoldings {
  readonly #devices = new Map<string, DeviceSet>();
  /** By pod uid, then by container and resource. */
  readonly #holdings = new Map<string, Map<string, Holding>>();
  /** Containers that have devices of which nobody knows which they are, by pod uid. */
  readonly #unknown = new Map<string, Holder[]>();

  /** The resources that devices are of, with those whose plugin isn't there at the moment. */
  get resources(): string[] {
    return [...this.#devices.keys()];
  }

  /** Undefined for a resource that no plugin has. */
  devicesOf(resource: string): DeviceSet | undefined {
    return this.#devices.get(resource);
  }

  setDevices(resource: string, devices: DeviceSet): void {
    this.#devices.set(resource, devices);
  }

  /** The resource is none any more; who has devices of it keeps them. */
  removeResource(resource: string): void {
    this.#devices.delete(resource);
  }

  /** Healthy, and nobody's; none where the devices of a container are unknown. */
  available(resource: string): string[] {
    if (this.holdersOfUnknown(resource).length > 0) return [];
    const held = this.#heldIds(resource);
    return healthyOf(this.#devices.get(resource) ?? new Map()).filter((id) => !held.has(id));
  }

  get({ uid, container, resource }: Holder): Holding | undefined {
    return this.#holdings.get(uid)?.get(keyOf(container, resource));
  }

  /** In the order in which they were given. */
  ofPod(uid: string): Holding[] {
    return [...(this.#holdings.get(uid)?.values() ?? [])];
  }

  ofContainer(uid: string, container: string): Holding[] {
    return this.ofPod(uid).filter((holding) => holding.container === container);
  }

  all(): Holding[] {
    return [...this.#holdings.keys()].flatMap((uid) => this.ofPod(uid));
  }

  /** The uids of all pods that have something. */
  pods(): string[] {
    return [...new Set([...this.#holdings.keys(), ...this.#unknown.keys()])];
  }

  /** How many devices of the resource have been given or set apart. */
  countHeld(resource: string): number {
    return this.#heldIds(resource).size;
  }

  /** In the place of what the container had of the resource. */
  put(holding: Holding): void {
    const ofPod = this.#holdings.get(holding.uid) ?? new Map<string, Holding>();
    this.#holdings.set(holding.uid, ofPod.set(keyOf(holding.container, holding.resource), holding));
    this.forgetUnknownDevices(holding);
  }

  release(uid: string): void {
    this.#holdings.delete(uid);
    this.#unknown.delete(uid);
  }

  /** The container has devices, and nobody knows which. Until its pod has gone, or it is given others, none of that resource are given to anybody. */
  addUnknownDevices(holder: Holder): void {
    this.#unknown.set(holder.uid, [...(this.#unknown.get(holder.uid) ?? []), holder]);
  }

  holdersOfUnknown(resource?: string): Holder[] {
    return [...this.#unknown.values()].flat().filter((holder) => resource === undefined || holder.resource === resource);
  }

  /** Their uids. */
  podsOfUnknown(resource: string): string[] {
    return [...new Set(this.holdersOfUnknown(resource).map(({ uid }) => uid))];
  }

  hasUnknownDevices(holder: Holder): boolean {
    return this.#unknown.get(holder.uid)?.some((unknown) => isSame(unknown, holder)) ?? false;
  }

  /** The container runs no more: whatever it had is free. */
  forgetUnknownDevices(holder: Holder): void {
    const rest = (this.#unknown.get(holder.uid) ?? []).filter((unknown) => !isSame(unknown, holder));
    if (rest.length > 0) this.#unknown.set(holder.uid, rest);
    else this.#unknown.delete(holder.uid);
  }

  #heldIds(resource: string): Set<string> {
    return new Set(this.all().flatMap((holding) => (holding.resource === resource ? holding.ids : [])));
  }
}

function keyOf(container: string, resource: string): string {
  return `${container} ${resource}`;
}

function isSame(one: Holder, other: Holder): boolean {
  return one.uid === other.uid && one.container === other.container && one.resource === other.resource;
}
