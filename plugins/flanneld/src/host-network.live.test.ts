import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseAddress } from '@berth/sdk/cni/address';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { missingEtcd, startEtcd, type TestEtcd } from '../../../test/fixtures/etcd.ts';
import type { Backend } from './backends/backend.ts';
import { EtcdClient } from './etcd/etcd-client.ts';
import { EtcdSubnetStore } from './etcd/etcd-subnet-store.ts';
import { formatSubnetKey } from './etcd/subnet-text.ts';
import type { Firewall } from './firewall/firewall.ts';
import { HostNetwork } from './host-network.ts';
import { parseNetworkConfig } from './network-config.ts';
import { describeSubnets, type Lease } from './subnet/lease.ts';
import { writeSubnetFile } from './subnet/subnet-file.ts';

const missing = missingEtcd();
const config = parseNetworkConfig('{"Network": "10.5.0.0/16"}', 'test');

/** A host without packets: only its lease and its file count here. */
const backend: Backend = {
  type: 'host-gw',
  mtu: 1500,
  prepare: async () => ({ publicIp: {}, backendData: {} }),
  start: async () => undefined,
  reconcile: async () => [],
  close: async () => undefined,
};
const firewall: Firewall = { ensure: async () => undefined, close: async () => undefined };

/** Whose watch tells nothing before its end, as one that a broken network has cut off. */
class DeafSubnetStore extends EtcdSubnetStore {
  override async *watch(signal: AbortSignal): AsyncGenerator<readonly Lease[], void> {
    await once(signal, 'abort');
    yield [];
  }
}

describe.skipIf(missing)(`a joined host${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let etcd: TestEtcd;
  let directory: string;
  let hosts = 0;
  const leavings: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    etcd = await startEtcd({ url: 'http://127.0.0.1:0' });
    directory = await mkdtemp(join(tmpdir(), 'berth-flanneld-'));
  });
  afterEach(async () => {
    for (const leave of leavings.splice(0)) await leave();
  });
  afterAll(async () => {
    await etcd?.close();
    if (directory) await rm(directory, { recursive: true });
  });

  /** Joins a host whose lease is to be renewed so soon. Gives what ends it by itself, the key of its lease and its subnet.env. */
  async function joinHost(untilRenewalMs: number, Store = EtcdSubnetStore) {
    const store = new Store(new EtcdClient({ endpoints: [{ address: etcd.address, secure: false }], tls: {} }), '/test');
    const leaving = new AbortController();
    const address = parseAddress(`192.168.0.${++hosts}`);
    const lease = await store.acquire(config, { publicIp: { ...(address && { 4: address }) }, backendData: {} }, {}, leaving.signal);
    const contents = { networks: { 4: config.ranges[4]?.network }, subnets: lease.subnets, mtu: 1500, ipMasq: true };
    const subnetFile = { path: join(directory, `host-${hosts}`, 'subnet.env'), contents };
    await writeSubnetFile(subnetFile);
    const network = new HostNetwork({
      ...{ backend, firewall, store, subnetFile, lease: { ...lease, expiresAt: Date.now() + untilRenewalMs } },
      ...{ log: pino({ level: 'silent' }), renewMarginMs: 0, firewallEveryMs: 60_000 },
    });
    const ended = network.run(leaving.signal).catch((error: unknown) => error);
    leavings.push(async () => {
      leaving.abort();
      await ended;
      store.close();
    });
    return { ended, subnetFile, subnets: describeSubnets(lease.subnets), key: `/test/subnets/${formatSubnetKey(lease.subnets)}` };
  }

  it.each([
    ['is told of it', 60_000, EtcdSubnetStore],
    ['renews its lease, where nobody has told it', 0, DeafSubnetStore],
  ])("that has lost its subnet to another host ends when it %s, and leaves the other's key alone", async (_, untilRenewalMs, Store) => {
    const { ended, subnets, key } = await joinHost(untilRenewalMs, Store);
    await etcd.put(key, '{"PublicIP":"192.168.9.9"}');
    expect(await ended).toMatchObject({
      code: 'ABORTED',
      message: `lease of ${subnets}: another host has taken it, 192.168.9.9; start flanneld again: it takes a lease anew`,
    });
    expect((await etcd.list(key)).get(key)).toBe('{"PublicIP":"192.168.9.9"}');
  });

  it('writes its subnet.env again when somebody changes or removes it, or its directory', async () => {
    const { path } = (await joinHost(60_000)).subnetFile;
    const before = await readFile(path, 'utf8');
    const read = () => readFile(path, 'utf8').catch(() => undefined);
    const directoryOf = dirname(path);
    for (const damage of [
      () => writeFile(path, 'FLANNEL_MTU=1\n'),
      () => rm(path),
      () => rm(directoryOf, { recursive: true }),
      () => rm(path),
    ]) {
      await damage();
      await expect.poll(read, { timeout: 5_000 }).toBe(before);
    }
  });
});
