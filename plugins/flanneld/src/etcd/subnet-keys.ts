import type { Prefix } from '@berth/sdk/cni/address';
import { PluginError } from '@berth/sdk/errors';
import type { Compare, TxnRequest, WatchRequest, WatchResponse } from '@berth/sdk/etcd';
import { PutRequest, RangeRequest, WatchCreateRequest } from '@berth/sdk/etcd';
import { Event_EventType, type KeyValue } from '@berth/sdk/etcd/kv';
import type { PerFamily } from '../per-family.ts';
import type { Lease, LeaseAttributes } from '../subnet/lease.ts';
import { callTimeMs, type EtcdClient } from './etcd-client.ts';
import { formatAttributes, formatSubnetKey, parseAttributes, parseSubnetKey } from './subnet-text.ts';

/** A lease as its key holds it. Its end isn't among what is told: only its own host wants to know. */
export interface SubnetRecord {
  key: string;
  lease: Lease;
  /** etcd's lease that the key ends with; 0 for a reservation. */
  etcdLease: bigint;
  /** Of the key's last change. */
  revision: bigint;
  /** When the key was made, as a revision. */
  created: bigint;
}

/** A lease that came or changed, or, without `lease`, went. */
interface SubnetChange {
  key: string;
  lease?: Lease;
}

/** The keys of one network in etcd. */
export class SubnetKeys {
  readonly configKey: string;
  readonly #client: EtcdClient;
  readonly #subnetsPrefix: string;

  constructor(client: EtcdClient, prefix: string) {
    this.#client = client;
    const base = prefix.replace(/\/+$/, '');
    this.configKey = `${base}/config`;
    this.#subnetsPrefix = `${base}/subnets/`;
  }

  async readConfig(signal: AbortSignal): Promise<string | undefined> {
    const key = Buffer.from(this.configKey);
    const { kvs } = await this.#client.call(signal, ({ kv }, options) => kv.range(RangeRequest.create({ key }), options));
    return kvs[0]?.value.toString();
  }

  /**
   * All leases, in the order of their last changes, and the revision of the store that has them. Keys and values that are no leases are passed
   * over.
   */
  async list(signal: AbortSignal): Promise<{ records: SubnetRecord[]; revision: bigint }> {
    const { kvs, header } = await this.#client.call(signal, ({ kv }, options) => kv.range(RangeRequest.create(this.#range()), options));
    const ordered = kvs.toSorted((a, b) => Number(a.modRevision - b.modRevision));
    return { records: ordered.flatMap((kv) => this.#record(kv) ?? []), revision: header?.revision ?? 0n };
  }

  /** What changes from a revision on. Throws where etcd ends the watch: OUT_OF_RANGE when the revision was compacted. */
  async *changes(startRevision: bigint, signal: AbortSignal): AsyncGenerator<SubnetChange[], void> {
    const ended = Promise.withResolvers<void>();
    const requests = this.#watchRequests(startRevision, ended.promise);
    try {
      for await (const response of this.#client.stream(signal, ({ watch }, options) => watch.watch(requests, options))) {
        if (response.canceled) throw this.#watchEnded(response);
        const changes = response.events.flatMap(({ type, kv }) => this.#change(type, kv) ?? []);
        if (changes.length > 0) yield changes;
      }
    } finally {
      ended.resolve();
    }
  }

  /** Writes a lease's key if `condition` holds of it; false if it doesn't. */
  async put(
    subnets: PerFamily<Prefix>,
    attributes: LeaseAttributes,
    etcdLease: bigint,
    condition: Pick<Compare, 'result' | 'target' | 'targetUnion'>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const key = Buffer.from(`${this.#subnetsPrefix}${formatSubnetKey(subnets)}`);
    const put = PutRequest.create({ key, value: Buffer.from(formatAttributes(attributes)), lease: etcdLease });
    const request: TxnRequest = {
      compare: [{ ...condition, key, rangeEnd: Buffer.alloc(0) }],
      success: [{ request: { $case: 'requestPut', value: put } }],
      failure: [],
    };
    return (await this.#client.call(signal, ({ kv }, options) => kv.txn(request, options))).succeeded;
  }

  /** A key as etcd has it whole, for messages. */
  fullKey({ key }: SubnetRecord): string {
    return `${this.#subnetsPrefix}${key}`;
  }

  async grant(seconds: number, signal: AbortSignal): Promise<{ id: bigint; seconds: number }> {
    const request = { TTL: BigInt(seconds), ID: 0n };
    const { ID, TTL } = await this.#client.call(signal, ({ lease }, options) => lease.leaseGrant(request, options));
    return { id: ID, seconds: Number(TTL) };
  }

  /** One that has ended is no error. */
  async revoke(etcdLease: bigint, signal: AbortSignal): Promise<void> {
    try {
      await this.#client.call(signal, ({ lease }, options) => lease.leaseRevoke({ ID: etcdLease }, options));
    } catch (thrown) {
      if (PluginError.from(thrown).code !== 'NOT_FOUND') throw thrown;
    }
  }

  /** Starts a lease's time anew, and gives it in seconds; undefined where the lease has ended. */
  async keepAlive(etcdLease: bigint, signal: AbortSignal): Promise<number | undefined> {
    return this.#client.call(signal, async ({ lease }, options) => {
      const timed = { ...options, deadlineMs: callTimeMs };
      for await (const { TTL } of lease.leaseKeepAlive(one({ ID: etcdLease }), timed)) return TTL > 0n ? Number(TTL) : undefined;
      throw new PluginError('UNAVAILABLE', 'etcd ended the call without an answer', { object: 'LeaseKeepAlive' });
    });
  }

  #watchEnded({ compactRevision, cancelReason }: WatchResponse): PluginError {
    const compacted = compactRevision > 0n;
    const what = compacted ? 'its revision was compacted' : cancelReason || 'etcd ended it without a reason';
    return new PluginError(compacted ? 'OUT_OF_RANGE' : 'UNAVAILABLE', what, { object: `watch of ${this.#subnetsPrefix}` });
  }

  async *#watchRequests(startRevision: bigint, ended: Promise<void>): AsyncGenerator<WatchRequest, void> {
    const create = WatchCreateRequest.create({ ...this.#range(), startRevision });
    yield { requestUnion: { $case: 'createRequest', value: create } };
    // The end of the requests would end the watch.
    await ended;
  }

  #range(): { key: Buffer; rangeEnd: Buffer } {
    const key = Buffer.from(this.#subnetsPrefix);
    // "0" is the byte after "/", with which the prefix ends.
    return { key, rangeEnd: Buffer.from(`${this.#subnetsPrefix.slice(0, -1)}0`) };
  }

  #change(type: Event_EventType, kv: KeyValue | undefined): SubnetChange | undefined {
    if (!kv) return undefined;
    if (type === Event_EventType.DELETE) return { key: this.#name(kv) };
    const record = this.#record(kv);
    // What became unreadable is a lease no more.
    return { key: this.#name(kv), ...(record ? { lease: record.lease } : {}) };
  }

  #record(kv: KeyValue): SubnetRecord | undefined {
    const key = this.#name(kv);
    const subnets = parseSubnetKey(key);
    const attributes = parseAttributes(kv.value.toString());
    return (
      subnets &&
      attributes && { key, lease: { subnets, attributes }, etcdLease: kv.lease, revision: kv.modRevision, created: kv.createRevision }
    );
  }

  #name({ key }: KeyValue): string {
    return key.toString().slice(this.#subnetsPrefix.length);
  }
}

async function* one<Item>(item: Item): AsyncGenerator<Item, void> {
  yield item;
}
