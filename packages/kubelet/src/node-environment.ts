import type { Service } from '@berth/api/objects';
import type { ResourceAmounts } from '@berth/api/resource-amounts';
import type { AdmitHandler } from './admission/admit-handler.ts';
import { type DnsOptions, PodDns } from './dns/pod-dns.ts';
import { hostAddresses, hostAmounts } from './host-facts.ts';
import { noObjects } from './sources/no-objects.ts';
import type { ObjectSource } from './sources/object-source.ts';

/** What a node lends to its pods besides volumes and resources. */
export interface EnvironmentOptions {
  /** The config maps, secrets and service accounts that pods refer to; undefined: there are none. */
  objects?: ObjectSource;
  /** The cluster's services as they are now, for the variables by which pods find them; undefined: there are none. */
  services?(): readonly Service[];
  /** How pods find names; kubelet's defaults. */
  dns?: Partial<DnsOptions>;
}

/** What all pods of the node have from it: names, addresses, and the objects that they refer to. */
export class NodeEnvironment {
  readonly dns: PodDns;
  readonly objects: ObjectSource;
  readonly services: () => readonly Service[];
  /** Addresses of the host, the preferred one first. */
  readonly hostIPs: () => string[] = hostAddresses;
  /** What the node has for pods. */
  readonly allocatable: () => ResourceAmounts = hostAmounts;
  /** Ask of a pod only what the node can lend. */
  readonly admitHandlers: AdmitHandler[] = [];

  constructor({ objects, services, dns }: EnvironmentOptions) {
    this.objects = objects ?? noObjects;
    this.services = services ?? (() => []);
    this.dns = new PodDns(dns);
  }
}
