import { parseAddress } from '@berth/sdk/cni/address';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missingEtcd, startEtcd, type TestEtcd } from '../../../../test/fixtures/etcd.ts';
import { type NetworkConfig, parseNetworkConfig } from '../network-config.ts';
import { describeSubnets, type Lease, type LeaseAttributes } from '../subnet/lease.ts';
import { EtcdClient, type EtcdUser } from './etcd-client.ts';
import { EtcdSubnetStore } from './etcd-subnet-store.ts';

const missing = missingEtcd();
const because = missing ? ` (skipped: ${missing})` : '';
const never = new AbortController().signal;

/** Sixty-three subnets: those of /22 but the first. */
const config = parseNetworkConfig('{"Network": "10.5.0.0/16", "SubnetLen": 22}', 'test');
const smaller = parseNetworkConfig('{"Network": "10.5.0.0/16", "SubnetLen": 24}', 'test');

function host(address: string, backendType = 'host-gw'): LeaseAttributes {
  const parsed = parseAddress(address);
  if (!parsed) throw new Error(address);
  return { publicIp: { 4: parsed }, backendType, backendData: {} };
}

describe.skipIf(missing)(`subnets in etcd${because}`, () => {
  let etcd: TestEtcd;
  const stores: EtcdSubnetStore[] = [];
  let prefix = 0;

  beforeAll(async () => {
    etcd = await startEtcd({ url: 'http://127.0.0.1:0' });
  });
  afterAll(async () => {
    for (const store of stores) store.close();
    await etcd?.close();
  });

  /** A network of its own for each test. */
  function network(): { keys: string; open: (endpoints?: string[], user?: EtcdUser) => EtcdSubnetStore } {
    const keys = `/test-${++prefix}/network`;
    const open = (endpoints = [etcd.address], user?: EtcdUser): EtcdSubnetStore => {
      const client = new EtcdClient({ endpoints: endpoints.map((address) => ({ address, secure: false })), tls: {}, user });
      const store = new EtcdSubnetStore(client, keys);
      stores.push(store);
      return store;
    };
    return { keys, open };
  }

  const acquire = (store: EtcdSubnetStore, attributes: LeaseAttributes, previous = {}, of: NetworkConfig = config): Promise<Lease> =>
    store.acquire(of, attributes, previous, never);

  it('says where the configuration belongs while there is none', async () => {
    const { keys, open } = network();
    await expect(open().readConfig(never)).rejects.toThrow(`network configuration ${keys}/config: there is none in etcd; write one`);
    await etcd.put(`${keys}/config`, '{"Network": "10.5.0.0/16"}');
    expect(await open().readConfig(never)).toBe('{"Network": "10.5.0.0/16"}');
  });

  it('gives hosts that start at once different subnets, and refuses the one too many', async () => {
    const { open } = network();
    const store = open();
    const leases = await Promise.all(Array.from({ length: 20 }, (_, index) => acquire(store, host(`192.168.0.${index + 1}`))));
    expect(new Set(leases.map(({ subnets }) => describeSubnets(subnets))).size).toBe(20);
    const two = parseNetworkConfig('{"Network": "10.5.0.0/16", "SubnetLen": 22, "SubnetMin": "10.5.0.0", "SubnetMax": "10.5.4.0"}', 'test');
    const { open: openSmall } = network();
    const small = openSmall();
    await acquire(small, host('192.168.0.1'), {}, two);
    await acquire(small, host('192.168.0.2'), {}, two);
    await expect(acquire(small, host('192.168.0.3'), {}, two)).rejects.toThrow(
      'network 10.5.0.0/16: no subnet is free, with 2 hosts in it',
    );
  });

  it('gives them different subnets of each family', async () => {
    const dual = parseNetworkConfig('{"Network": "10.5.0.0/16", "EnableIPv6": true, "IPv6Network": "fd00:5::/48"}', 'test');
    const store = network().open();
    const leases = await Promise.all(Array.from({ length: 20 }, (_, index) => acquire(store, host(`192.168.0.${index + 1}`), {}, dual)));
    for (const family of [4, 6] as const) {
      expect(new Set(leases.map(({ subnets }) => describeSubnets({ [family]: subnets[family] }))).size).toBe(20);
    }
  });

  it('gives a host that starts again its lease, with what it says of itself anew', async () => {
    const { keys, open } = network();
    const first = await acquire(open(), host('192.168.0.1', 'vxlan'));
    const second = await acquire(open(), host('192.168.0.1', 'host-gw'));
    expect(second.subnets).toEqual(first.subnets);
    const values = [...(await etcd.list(`${keys}/subnets/`)).values()];
    expect(values).toEqual(['{"PublicIP":"192.168.0.1","PublicIPv6":null,"BackendType":"host-gw"}']);
  });

  it('gives a host its previous subnet where it is free, and another where it is not', async () => {
    const { open } = network();
    const { subnets } = await acquire(open(), host('192.168.0.1'));
    const other = await acquire(open(), host('192.168.0.2'), subnets);
    expect(other.subnets).not.toEqual(subnets);
    const { open: openEmpty } = network();
    expect((await acquire(openEmpty(), host('192.168.0.2'), subnets)).subnets).toEqual(subnets);
  });

  it('leaves a reservation without an end, also one that does not fit the network, which it names', async () => {
    const { keys, open } = network();
    await etcd.put(`${keys}/subnets/10.5.16.0-22`, '{"PublicIP":"192.168.0.9"}');
    const reserved = await acquire(open(), host('192.168.0.9'));
    expect(describeSubnets(reserved.subnets)).toBe('10.5.16.0/22');
    expect(reserved.expiresAt).toBeUndefined();
    expect(await open().renew(reserved, never)).toMatchObject({ subnets: reserved.subnets });
    await expect(acquire(open(), host('192.168.0.9'), {}, smaller)).rejects.toThrow(
      `subnet ${keys}/subnets/10.5.16.0-22: it is reserved for this host, and doesn't fit the network's configuration; delete the key`,
    );
    expect([...(await etcd.list(`${keys}/subnets/`)).keys()]).toEqual([`${keys}/subnets/10.5.16.0-22`]);
  });

  it('takes a lease that no longer fits the network away, once the host has another', async () => {
    const { keys, open } = network();
    const { subnets } = await acquire(open(), host('192.168.0.9'));
    const whole = parseNetworkConfig(
      '{"Network": "10.5.0.0/28", "SubnetLen": 30, "SubnetMin": "10.5.0.4", "SubnetMax": "10.5.0.4"}',
      'test',
    );
    await etcd.put(`${keys}/subnets/10.5.0.4-30`, '{"PublicIP":"192.168.0.8"}');
    await expect(acquire(open(), host('192.168.0.9'), {}, whole)).rejects.toThrow('no subnet is free');
    const text = describeSubnets(subnets).replace('/', '-');
    expect([...(await etcd.list(`${keys}/subnets/`)).keys()]).toContain(`${keys}/subnets/${text}`);
    await acquire(open(), host('192.168.0.9'), {}, smaller);
    const left = [...(await etcd.list(`${keys}/subnets/`)).keys()];
    expect(left).toEqual([`${keys}/subnets/10.5.0.4-30`, expect.stringMatching(/-24$/)]);
  });

  it('refuses a network without IPv4 before it keeps anything', () => {
    const ipv6 = parseNetworkConfig('{"EnableIPv4": false, "EnableIPv6": true, "IPv6Network": "fd00:5::/48"}', 'test');
    expect(() => network().open().checkConfig(ipv6)).toThrow('EnableIPv4: etcd keeps hosts by their IPv4 subnets');
  });

  it('renews a lease for a day, and says when it has ended', async () => {
    const { keys, open } = network();
    const lease = await acquire(open(), host('192.168.0.1'));
    const { expiresAt = 0 } = await open().renew(lease, never);
    expect(expiresAt - Date.now()).toBeGreaterThan(23 * 3600 * 1000);
    await etcd.kv.deleteRange({ key: Buffer.from(`${keys}/subnets/`), rangeEnd: Buffer.from(`${keys}/subnets0`), prevKv: false });
    await expect(open().renew(lease, never)).rejects.toThrow('it has ended');
  });

  it("renews no lease of a subnet that is another host's by now, and leaves that as it is", async () => {
    const { keys, open } = network();
    const lease = await acquire(open(), host('192.168.0.1'));
    const key = `${keys}/subnets/${describeSubnets(lease.subnets).replace('/', '-')}`;
    await etcd.put(key, '{"PublicIP":"192.168.0.7"}');
    await expect(open().renew(lease, never)).rejects.toMatchObject({
      code: 'ABORTED',
      message: `lease of ${describeSubnets(lease.subnets)}: another host has taken it, 192.168.0.7; start flanneld again: it takes a lease anew`,
    });
    const anew = await acquire(open(), host('192.168.0.1'), lease.subnets);
    expect(anew.subnets).not.toEqual(lease.subnets);
    expect((await etcd.list(key)).get(key)).toBe('{"PublicIP":"192.168.0.7"}');
  });

  it('tells the leases as they come and go, also after a compaction and a restart of etcd', async () => {
    const { keys, open } = network();
    const store = open();
    const end = new AbortController();
    const troubles: unknown[] = [];
    const watch = store.watch(end.signal, (error) => troubles.push(error))[Symbol.asyncIterator]();
    const next = async (): Promise<string[]> => (await watch.next()).value?.map(({ subnets }: Lease) => describeSubnets(subnets)) ?? [];
    expect(await next()).toEqual([]);
    await etcd.put(`${keys}/subnets/10.5.16.0-22`, '{"PublicIP":"192.168.0.9"}');
    expect(await next()).toEqual(['10.5.16.0/22']);
    const waiting = next();
    await etcd.kill();
    await etcd.start();
    await etcd.put(`${keys}/subnets/not-a-subnet`, '{"PublicIP":"192.168.0.9"}');
    await etcd.put(`${keys}/subnets/10.5.20.0-22`, '{"PublicIP":"192.168.0.8"}');
    const { header } = await etcd.kv.deleteRange({
      ...{ key: Buffer.from(`${keys}/subnets/10.5.16.0-22`), rangeEnd: Buffer.alloc(0), prevKv: false },
    });
    await etcd.kv.compact({ revision: header?.revision ?? 0n, physical: true });
    let seen = await waiting;
    while (seen.join() !== '10.5.20.0/22') seen = await next();
    expect(troubles.length).toBeGreaterThan(0);
    end.abort();
    await expect(watch.next()).rejects.toThrow();
  });

  it('goes on with a user that an etcd without users has no use for', async () => {
    const { keys, open } = network();
    await etcd.put(`${keys}/config`, 'the configuration');
    expect(await open(undefined, { name: 'root', password: 'secret' }).readConfig(never)).toBe('the configuration');
  });

  it('passes over members that are away', async () => {
    const { open } = network();
    const store = open(['127.0.0.1:1', 'unix:///nowhere/etcd.sock', etcd.address]);
    expect((await acquire(store, host('192.168.0.1'))).expiresAt).toBeGreaterThan(Date.now());
    const atOnce = open(['127.0.0.1:1', etcd.address]);
    await Promise.all([1, 2, 3, 4].map((number) => acquire(atOnce, host(`192.168.0.${number}`))));
    await expect(open(['127.0.0.1:1', 'unix:///nowhere/etcd.sock']).readConfig(never)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message:
        "etcd: no member can be reached: 127.0.0.1:1 (nobody listens there), unix:///nowhere/etcd.sock (the socket file doesn't exist); " +
        'check that it runs, and that -etcd-endpoints names it',
    });
  });
});
