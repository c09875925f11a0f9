import type { Prefix } from '@berth/sdk/cni/address';
import type { NetworkConfig } from '../network-config.ts';
import type { PerFamily } from '../per-family.ts';
import type { Lease, LeaseAttributes } from './lease.ts';

/**
 * Where the hosts of a network keep its configuration and who has which subnet. Each method makes one attempt: it rejects with UNAVAILABLE
 * or DEADLINE_EXCEEDED while the store can't be reached, and its caller tries again. Methods may run beside each other.
 */
export interface SubnetStore {
  /** For messages: where the configuration is. */
  readonly configObject: string;

  /** The network's configuration as JSON text (`parseNetworkConfig()`). NOT_FOUND while nobody has written one. */
  readConfig(signal: AbortSignal): Promise<string>;

  /** Throws INVALID_ARGUMENT where the hosts of such a network can't be kept here. */
  checkConfig(config: NetworkConfig): void;

  /**
   * Gives this host its lease: the one that has its public address if there is one (what it was before a restart), else one of `previous`, the
   * subnets that it had last, if they are free and fit the configuration, else one of free subnets. Two hosts never get the same.
   * RESOURCE_EXHAUSTED where no subnet is free, FAILED_PRECONDITION where the one that is reserved for this host doesn't fit the configuration.
   */
  acquire(config: NetworkConfig, attributes: LeaseAttributes, previous: PerFamily<Prefix>, signal: AbortSignal): Promise<Lease>;

  /** Puts off the end of a lease, and gives it with its new end. ABORTED where it has ended, or is another host's by now, which is left alone. */
  renew(lease: Lease, signal: AbortSignal): Promise<Lease>;

  /**
   * All leases, this host's too, as they are at first, and again after each change; the one that changed last is the last. Goes on through
   * outages, of which `onTrouble` is told, and misses no state in which the leases stay: what changed meanwhile shows in the next. Ends by
   * `signal` only, with its reason.
   */
  watch(signal: AbortSignal, onTrouble: (error: unknown) => void): AsyncIterable<readonly Lease[]>;

  close(): void;
}
