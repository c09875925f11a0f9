import { randomInt } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { overlap, type Prefix } from '@berth/sdk/cni/address';
import { PluginError } from '@berth/sdk/errors';
import { Compare_CompareResult, Compare_CompareTarget } from '@berth/sdk/etcd';
import type { NetworkConfig } from '../network-config.ts';
import { entriesOf, type PerFamily, perFamily } from '../per-family.ts';
import { describeSubnets, type Lease, type LeaseAttributes, leaseLost, leaseTaken, sameHost, sameSubnets } from '../subnet/lease.ts';
import { chooseSubnets, fits } from '../subnet/subnet-choice.ts';
import type { SubnetStore } from '../subnet/subnet-store.ts';
import { callTimeMs, type EtcdClient } from './etcd-client.ts';
import { SubnetKeys, type SubnetRecord } from './subnet-keys.ts';
import { requireIpv4 } from './subnet-text.ts';

/** A lease that nobody renews ends so many seconds after its last renewal. */
const leaseSeconds = 24 * 60 * 60;
/** So often a subnet is chosen, of which another host may be faster to take each, before it is told. */
const raceAttempts = 10;
/** Between two attempts to watch; doubled after each that doesn't last. */
const shortestPauseMs = 100;
const longestPauseMs = 5_000;
/** A watch that has lasted so long was one. */
const lastingMs = 10_000;

/** The hosts' subnets in etcd, with flannel's keys and values: flanneld's other implementation may share them. */
export class EtcdSubnetStore implements SubnetStore {
  readonly configObject: string;
  readonly #client: EtcdClient;
  readonly #keys: SubnetKeys;

  /** `prefix` is that of all keys, `/coreos.com/network`. */
  constructor(client: EtcdClient, prefix: string) {
    this.#client = client;
    this.#keys = new SubnetKeys(client, prefix);
    this.configObject = `network configuration ${this.#keys.configKey}`;
  }

  async readConfig(signal: AbortSignal): Promise<string> {
    const text = await this.#keys.readConfig(signal);
    if (text !== undefined) return text;
    throw new PluginError('NOT_FOUND', 'there is none in etcd', {
      object: this.configObject,
      hint: `write one: etcdctl put ${this.#keys.configKey} '{"Network": "10.5.0.0/16", "Backend": {"Type": "vxlan"}}'`,
    });
  }

  checkConfig({ ranges }: NetworkConfig): void {
    requireIpv4(ranges);
  }

  async acquire(config: NetworkConfig, attributes: LeaseAttributes, previous: PerFamily<Prefix>, signal: AbortSignal): Promise<Lease> {
    for (let attempt = 0; attempt < raceAttempts; attempt++) {
      const lease = await this.#tryAcquire(config, attributes, previous, signal);
      if (lease) return lease;
    }
    throw new PluginError('ABORTED', `other hosts were faster ${raceAttempts} times`, {
      object: 'subnet of this host',
      hint: 'start it again',
    });
  }

  async renew(lease: Lease, signal: AbortSignal): Promise<Lease> {
    const { records } = await this.#keys.list(signal);
    const record = records.find(({ lease: { subnets } }) => sameSubnets(subnets, lease.subnets));
    if (record && !sameHost(lease.attributes, record.lease.attributes)) throw leaseTaken(lease, record.lease.attributes);
    if (record && isReservation(record)) return record.lease;
    const seconds = record && (await this.#keys.keepAlive(record.etcdLease, signal));
    if (seconds === undefined) throw leaseLost(lease, 'it has ended');
    return { ...lease, expiresAt: endAfter(seconds) };
  }

  async *watch(signal: AbortSignal, onTrouble: (error: unknown) => void): AsyncGenerator<readonly Lease[], void> {
    for (let pauseMs = shortestPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      signal.throwIfAborted();
      const begin = performance.now();
      try {
        yield* this.#watchOnce(signal);
      } catch (thrown) {
        signal.throwIfAborted();
        onTrouble(thrown);
      }
      if (performance.now() - begin > lastingMs) pauseMs = shortestPauseMs;
      await wait(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }

  close(): void {
    this.#client.close();
  }

  /** Lists, and watches from there: what a lost stream, a compaction or a restored backup kept from this host shows in the next list. */
  async *#watchOnce(signal: AbortSignal): AsyncGenerator<readonly Lease[], void> {
    const { records, revision } = await this.#keys.list(signal);
    const known = new Map(records.map((record) => [record.key, record.lease]));
    yield [...known.values()];
    for await (const changes of this.#keys.changes(revision + 1n, signal)) {
      for (const { key, lease } of changes) {
        // One that changed is the last from then on.
        known.delete(key);
        if (lease) known.set(key, lease);
      }
      yield [...known.values()];
    }
  }

  /** Undefined where another host was faster. */
  async #tryAcquire(
    config: NetworkConfig,
    attributes: LeaseAttributes,
    previous: PerFamily<Prefix>,
    signal: AbortSignal,
  ): Promise<Lease | undefined> {
    const { records } = await this.#keys.list(signal);
    const own = records.filter(({ lease }) => sameHost(attributes, lease.attributes));
    const fitting = own.find(({ lease }) => fits(config, lease.subnets));
    if (fitting) return this.#take(fitting.lease.subnets, attributes, fitting, signal);
    const reserved = own.find(isReservation);
    if (reserved) throw this.#misfit(reserved);
    const others = records.filter((record) => !own.includes(record)).map(({ lease }) => lease.subnets);
    const subnets =
      fits(config, previous) && !others.some((taken) => overlaps(taken, previous)) ? previous : chooseSubnets(config, others, randomInt);
    if (!subnets) throw noneFree(config, records.length);
    const lease = await this.#take(subnets, attributes, undefined, signal);
    if (lease && (await this.#yields(lease, signal))) return undefined;
    // Until then this host has at least what it had: what doesn't fit the network any longer.
    if (lease) for (const { etcdLease } of own) await this.#keys.revoke(etcdLease, signal);
    return lease;
  }

  /**
   * Whether another host has had a subnet of the lease for longer; then the lease is given back. Keys name the subnets of both families, so that two
   * keys that differ may share one of them.
   */
  async #yields({ subnets, attributes }: Lease, signal: AbortSignal): Promise<boolean> {
    const { records } = await this.#keys.list(signal);
    const own = records.find(({ lease }) => sameHost(attributes, lease.attributes) && sameSubnets(lease.subnets, subnets));
    const older = records.some(
      ({ lease, created }) => own && created < own.created && !sameHost(attributes, lease.attributes) && overlaps(lease.subnets, subnets),
    );
    if (own && older) await this.#keys.revoke(own.etcdLease, signal);
    return older;
  }

  #misfit(record: SubnetRecord): PluginError {
    return new PluginError('FAILED_PRECONDITION', `it is reserved for this host, and doesn't fit the network's configuration`, {
      object: `subnet ${this.#keys.fullKey(record)}`,
      hint: 'delete the key, reserve another subnet, or change the configuration',
    });
  }

  /** Writes the lease if its key is still as `seen`, or still missing. */
  async #take(
    subnets: PerFamily<Prefix>,
    attributes: LeaseAttributes,
    seen: SubnetRecord | undefined,
    signal: AbortSignal,
  ): Promise<Lease | undefined> {
    // A reservation has no end, and keeps none.
    const granted = seen && isReservation(seen) ? undefined : await this.#keys.grant(leaseSeconds, signal);
    const condition = seen
      ? { target: Compare_CompareTarget.MOD, targetUnion: { $case: 'modRevision' as const, value: seen.revision } }
      : { target: Compare_CompareTarget.CREATE, targetUnion: { $case: 'createRevision' as const, value: 0n } };
    const etcdLease = granted?.id ?? 0n;
    const written = await this.#keys
      .put(subnets, attributes, etcdLease, { result: Compare_CompareResult.EQUAL, ...condition }, signal)
      .catch(async (thrown: unknown) => {
        // Whether it was written or not: nobody would renew it. The first failure is the one to tell.
        if (granted) await this.#keys.revoke(etcdLease, AbortSignal.timeout(callTimeMs)).catch(() => undefined);
        throw thrown;
      });
    const unused = written ? seen?.etcdLease : granted?.id;
    if (unused) await this.#keys.revoke(unused, signal);
    if (!written) return undefined;
    return { subnets, attributes, ...(granted ? { expiresAt: endAfter(granted.seconds) } : {}) };
  }
}

/** One that an administrator has written, and that stays. */
function isReservation({ etcdLease }: SubnetRecord): boolean {
  return etcdLease === 0n;
}

function noneFree({ ranges }: NetworkConfig, hosts: number): PluginError {
  return new PluginError('RESOURCE_EXHAUSTED', `no subnet is free, with ${hosts} hosts in it`, {
    object: `network ${describeSubnets(perFamily((family) => ranges[family]?.network))}`,
    hint: `take a larger Network or a longer SubnetLen, or delete leases of hosts that are gone`,
  });
}

function overlaps(a: PerFamily<Prefix>, b: PerFamily<Prefix>): boolean {
  return entriesOf(a).some(([family, prefix]) => {
    const other = b[family];
    return other !== undefined && overlap(prefix, other);
  });
}

function endAfter(seconds: number): number {
  return Date.now() + seconds * 1000;
}
