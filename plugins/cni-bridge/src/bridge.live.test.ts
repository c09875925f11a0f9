import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  addressesOf,
  container,
  dataDir,
  devicesOf,
  hostNetns,
  inHost,
  ip,
  netns,
  network,
  reserved,
  start,
  useHostAndContainer,
  withoutVlans,
} from './host-and-container.fixture.ts';

useHostAndContainer();

describe.each(['ours', 'ours on Node'])('ADD by %s', (which) => {
  it('connects the container, with addresses and routes of both families', async () => {
    const result = await start(which, 'ADD', network());
    expect(result.interfaces?.map(({ name, sandbox }) => [name, sandbox])).toEqual([
      ['br0', undefined],
      [expect.stringMatching(/^veth/), undefined],
      ['eth0', netns],
    ]);
    expect(addressesOf(container, 'eth0')).toEqual(['10.1.0.2/24', 'fd00::2/64']);
    expect(addressesOf(hostNetns, 'br0')).toEqual(['10.1.0.1/24', 'fd00::1/64']);
    expect(ip(container, 'route', 'show', 'default')).toMatchObject([{ gateway: '10.1.0.1' }]);
    expect(ip(container, '-6', 'route', 'show', 'default')).toMatchObject([{ gateway: 'fd00::1' }]);
    expect(inHost('cat', '/proc/sys/net/ipv4/ip_forward', '/proc/sys/net/ipv6/conf/all/forwarding')).toBe('1\n1\n');
  });

  it('names the hardware addresses that the interfaces have', async () => {
    const [bridge, port, inside] = (await start(which, 'ADD', network())).interfaces ?? [];
    const macOf = (namespace: string, device = '') => ip(namespace, 'link', 'show', 'dev', device)[0].address;
    expect([bridge?.mac, port?.mac, inside?.mac]).toEqual([
      macOf(hostNetns, 'br0'),
      macOf(hostNetns, port?.name),
      macOf(container, 'eth0'),
    ]);
  });

  it('sets MTU, hairpin mode, isolation and the hardware address', async () => {
    const keys = { mtu: 1400, hairpinMode: true, portIsolation: true, runtimeConfig: { mac: '02:00:00:00:00:09' } };
    const result = await start(which, 'ADD', network(keys));
    const port = result.interfaces?.[1]?.name ?? '';
    expect(result.interfaces?.map(({ mtu }) => mtu)).toEqual([1400, 1400, 1400]);
    expect(ip(container, 'link', 'show', 'dev', 'eth0')).toMatchObject([{ mtu: 1400, address: '02:00:00:00:00:09' }]);
    expect(ip(hostNetns, '-details', 'link', 'show', 'dev', port)).toMatchObject([
      { mtu: 1400, linkinfo: { info_slave_data: { hairpin: true, isolated: true } } },
    ]);
  });

  it('adds routes with all that they can say, and one by two gateways', async () => {
    const config = network();
    const special = { dst: '10.7.0.0/16', gw: '10.1.0.1', mtu: 1300, advmss: 1260, priority: 7, table: 1000, scope: 0 };
    config.ipam.routes = [special, { dst: '10.8.0.0/16', gw: '10.1.0.1' }, { dst: '10.8.0.0/16', gw: '10.1.0.9' }] as { dst: string }[];
    expect((await start(which, 'ADD', config)).code).toBeUndefined();
    expect(ip(container, 'route', 'show', 'table', '1000')).toMatchObject([
      { dst: '10.7.0.0/16', gateway: '10.1.0.1', metric: 7, metrics: [{ mtu: 1300, advmss: 1260 }] },
    ]);
    expect(ip(container, 'route', 'show', '10.8.0.0/16')[0].nexthops.map(({ gateway }: { gateway: string }) => gateway)).toEqual([
      '10.1.0.1',
      '10.1.0.9',
    ]);
  });

  it('undoes everything when a route is impossible', async () => {
    const config = network();
    config.ipam.routes.push({ dst: '192.168.0.0/16', gw: '172.16.0.1' } as { dst: string });
    const failed = await start(which, 'ADD', config);
    expect(failed.msg).toContain(`interface eth0 in ${netns}: can't add route 192.168.0.0/16 via 172.16.0.1 dev eth0: `);
    expect(devicesOf(container)).toEqual(['lo']);
    expect(devicesOf(hostNetns)).toEqual(['lo', 'br0']);
    expect(reserved()).toEqual([]);
  });

  it('refuses a bridge that is something else', async () => {
    inHost('ip', 'link', 'add', 'name', 'br0', 'type', 'veth', 'peer', 'name', 'br1');
    expect(await start(which, 'ADD', network())).toMatchObject({
      code: 7,
      msg: 'interface br0: is no bridge but of the kind veth; name another bridge',
    });
    expect(reserved()).toEqual([]);
  });

  it('CHECK finds nothing wrong, and DEL leaves nothing', async () => {
    const prevResult = await start(which, 'ADD', network());
    expect(await start(which, 'CHECK', network({ prevResult }))).toEqual({});
    expect(await start(which, 'DEL', network())).toEqual({});
    expect(devicesOf(container)).toEqual(['lo']);
    expect(devicesOf(hostNetns)).toEqual(['lo', 'br0']);
    expect(reserved()).toEqual([]);
  });
});

describe('ADD', () => {
  it('sets promiscuous mode of the bridge', async () => {
    await start('ours', 'ADD', network({ promiscMode: true }));
    expect(ip(hostNetns, 'link', 'show', 'dev', 'br0')[0].flags).toContain('PROMISC');
  });

  it('turns IPv6 on in a namespace that has it off', async () => {
    execFileSync('ip', [
      'netns',
      'exec',
      container,
      'sysctl',
      '-qw',
      'net.ipv6.conf.all.disable_ipv6=1',
      'net.ipv6.conf.default.disable_ipv6=1',
    ]);
    expect((await start('ours', 'ADD', network())).code).toBeUndefined();
    expect(addressesOf(container, 'eth0')).toContain('fd00::2/64');
  });

  it('leaves the interface down with disableContainerInterface', async () => {
    const result = await start('ours', 'ADD', network({ ipam: {}, isGateway: false, disableContainerInterface: true }));
    expect(result.interfaces).toHaveLength(3);
    expect(ip(container, 'link', 'show', 'dev', 'eth0')[0].flags).not.toContain('UP');
  });

  it('with enabledad fails where another host has the address, and waits until it is known that none has', async () => {
    const config = network({ isGateway: false, enabledad: true });
    expect((await start('ours', 'ADD', config)).code).toBeUndefined();
    expect(JSON.stringify(ip(container, 'address', 'show', 'dev', 'eth0'))).not.toContain('tentative');
    await start('ours', 'DEL', config);
    inHost('ip', 'address', 'add', 'fd00::3/64', 'dev', 'br0', 'nodad');
    const failed = await start('ours', 'ADD', config);
    expect(failed.msg).toContain('another host has the address fd00::3/64');
    expect(devicesOf(container)).toEqual(['lo']);
    expect(reserved()).toEqual([]);
  });

  it('puts the port into its VLAN, and the gateway on an interface there', async ({ skip }) => {
    const reason = withoutVlans();
    if (reason) skip(reason);
    const result = await start('ours', 'ADD', network({ vlan: 100, preserveDefaultVlan: false }));
    expect(result.interfaces?.map(({ name }) => name)).toEqual(['br0', expect.stringMatching(/^veth/), 'eth0', 'br0.100']);
    expect(addressesOf(hostNetns, 'br0.100')).toEqual(['10.1.0.1/24', 'fd00::1/64']);
  });

  it('says what a kernel without VLAN filtering lacks', async ({ skip }) => {
    if (!withoutVlans()) skip('this kernel has VLAN filtering');
    expect(await start('ours', 'ADD', network({ vlan: 100 }))).toMatchObject({
      code: 5,
      msg: expect.stringContaining("bridge br0: can't be made with VLAN filtering"),
    });
    expect(devicesOf(hostNetns)).toEqual(['lo']);
    inHost('ip', 'link', 'add', 'name', 'br0', 'type', 'bridge');
    expect((await start('ours', 'ADD', network({ vlan: 100 }))).msg).toMatch(
      /^bridge port veth[0-9a-f]{8}: can't add port vlan 100 .*; use a kernel with CONFIG_BRIDGE_VLAN_FILTERING, or remove vlan and vlanTrunk$/,
    );
    expect(devicesOf(hostNetns)).toEqual(['lo', 'br0']);
    expect(reserved()).toEqual([]);
  });

  it('connects without addresses where no IPAM is configured', async () => {
    expect((await start('ours', 'ADD', network({ ipam: {}, isGateway: false }))).ips).toBeUndefined();
    expect(ip(container, 'link', 'show', 'dev', 'eth0')[0].flags).toContain('UP');
  });

  it('connects several first containers at once, each with an address of its own', async ({ onTestFinished }) => {
    const pods = Array.from({ length: 4 }, (_, index) => `${container}-${index}`);
    onTestFinished(() => pods.forEach((pod) => void execFileSync('ip', ['netns', 'delete', pod])));
    for (const pod of pods) execFileSync('ip', ['netns', 'add', pod]);
    const results = await Promise.all(pods.map((pod) => start('ours', 'ADD', network(), `/run/netns/${pod}`, pod)));
    expect(results.flatMap(({ msg }) => msg ?? [])).toEqual([]);
    expect(new Set(results.map(({ ips }) => JSON.stringify(ips))).size).toBe(pods.length);
    expect(addressesOf(hostNetns, 'br0')).toEqual(['10.1.0.1/24', 'fd00::1/64']);
  });

  it('undoes everything when it fails half-way', async () => {
    await start('ours', 'ADD', network());
    const before = devicesOf(hostNetns);
    const failed = await start('ours', 'ADD', network(), netns, 'c2');
    expect(failed.msg).toContain(`interface eth0 in ${netns}: exists already`);
    expect(devicesOf(hostNetns)).toEqual(before);
    expect(reserved()).toEqual(['10.1.0.2', 'fd00::2']);
  });

  it('refuses a second ADD of an attachment, which keeps its addresses', async () => {
    await start('ours', 'ADD', network());
    const before = devicesOf(hostNetns);
    expect((await start('ours', 'ADD', network())).msg).toContain(`interface eth0 in ${netns}: exists already`);
    expect(devicesOf(hostNetns)).toEqual(before);
    expect(reserved()).toEqual(['10.1.0.2', 'fd00::2']);
  });

  it.each([
    ['that is missing', '/run/netns/berthtest-none', 'no network namespace at /run/netns/berthtest-none; make one with `ip netns add`'],
    [
      'of another kind',
      '/proc/self/ns/pid',
      "/proc/self/ns/pid is no network namespace but one of the kind pid; pass the process's ns/net",
    ],
    ['that is a plain file', '/etc/hostname', '/etc/hostname is no network namespace; make one with `ip netns add`'],
  ])('refuses a namespace %s', async (_, namespace, message) => {
    expect(await start('ours', 'ADD', network(), namespace)).toMatchObject({ code: 4, msg: `CNI_NETNS: ${message}` });
    expect(reserved()).toEqual([]);
  });
});

describe('DEL', () => {
  it('removes the interface and gives back the addresses, and succeeds again', async () => {
    await start('ours', 'ADD', network());
    for (let times = 0; times < 2; times++) {
      expect(await start('ours', 'DEL', network())).toEqual({});
      expect(devicesOf(container)).toEqual(['lo']);
      expect(devicesOf(hostNetns)).toEqual(['lo', 'br0']);
      expect(reserved()).toEqual([]);
    }
  });

  it.each([
    ['is gone', `/run/netns/${container}`],
    ['is not given', ''],
    ['left a plain file', '/etc/hostname'],
  ])('gives back the addresses where the namespace %s', async (_, namespace) => {
    await start('ours', 'ADD', network());
    execFileSync('ip', ['netns', 'delete', container]);
    expect(await start('ours', 'DEL', network(), namespace)).toEqual({});
    expect(reserved()).toEqual([]);
  });
});

describe('DEL by a configuration that has been spoilt since ADD', () => {
  const wrong = { bridge: 'a/b', mtu: '1400', hairpinMode: 'yes', vlan: -1, isGateway: 1, runtimeConfig: { mac: 5 } };

  it('undoes as ever', async () => {
    await start('ours', 'ADD', network());
    expect(await start('ours', 'DEL', network(wrong))).toEqual({});
    expect(devicesOf(container)).toEqual(['lo']);
    expect(reserved()).toEqual([]);
  });

  it('undoes what it can where the IPAM plugin cannot be read, and says so', async () => {
    await start('ours', 'ADD', network());
    const msg = 'ipam.type: must be a string, and is 5';
    expect(await start('ours', 'DEL', network({ ...wrong, ipam: { type: 5 } }))).toMatchObject({ code: 7, msg });
    expect(devicesOf(container)).toEqual(['lo']);
  });
});

describe('after an ADD that was killed', () => {
  it.each([6, 9, 12])('DEL leaves nothing behind: after %d ms', async (milliseconds) => {
    await start('ours', 'ADD', network(), netns, 'c1', { killAfter: milliseconds });
    expect(await start('ours', 'DEL', network())).toEqual({});
    expect(devicesOf(container)).toEqual(['lo']);
    expect(devicesOf(hostNetns).filter((name) => name.startsWith('veth'))).toEqual([]);
    expect(reserved()).toEqual([]);
  });
});

describe('CHECK', () => {
  it.each<[string, (port: string) => void, RegExp]>([
    [
      'an address',
      () => execFileSync('ip', ['-n', container, 'address', 'flush', 'dev', 'eth0', 'scope', 'global']),
      /has lost its address 10\.1\.0\.2\/24/,
    ],
    ['a route', () => execFileSync('ip', ['-n', container, 'route', 'delete', 'default']), /has lost its route to 0\.0\.0\.0\/0/],
    ['the bridge', (port) => inHost('ip', 'link', 'set', 'dev', port, 'nomaster'), /is no port of the bridge br0 any more/],
    ['the interface', (port) => inHost('ip', 'link', 'delete', 'dev', port), /interface eth0 in .* is gone/],
    ['the gateway', () => inHost('ip', 'address', 'flush', 'dev', 'br0'), /bridge br0: has lost its address/],
    ['the reservation', () => rmSync(join(dataDir(), 'net/10.1.0.2')), /10\.1\.0\.2/],
  ])('finds that %s is gone', async (_, harm, message) => {
    const prevResult = await start('ours', 'ADD', network());
    harm(prevResult.interfaces?.[1]?.name ?? '');
    expect((await start('ours', 'CHECK', network({ prevResult }))).msg).toMatch(message);
  });
});
