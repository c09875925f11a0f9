import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FlannelHost, FlannelHosts, unableToMakeHosts } from '../fixtures/flannel-hosts.ts';

const unable = unableToMakeHosts();
const skip = unable !== undefined;
const because = unable ? ` (skipped: ${unable})` : '';

const dualStack = { Network: '10.5.0.0/16', EnableIPv6: true, IPv6Network: 'fd00:5::/48' };

const backends = [
  {
    type: 'vxlan',
    config: { ...dualStack, EnableNFTables: true, Backend: { Type: 'vxlan' } },
    mtu: 1450,
    /** What somebody deletes by hand: one on each host, and so on. */
    deletions: [
      ['ip', 'neigh', 'flush', 'dev', 'flannel.1', 'nud', 'permanent'],
      ['ip', '-6', 'route', 'flush', 'dev', 'flannel-v6.1', 'root', 'fd00:5::/48'],
      ['sh', '-c', 'bridge fdb show dev flannel.1 | while read -r mac rest; do bridge fdb del "$mac" dev flannel.1 self; done'],
      ['ip', 'link', 'set', 'flannel.1', 'down'],
      ['ip', 'link', 'del', 'flannel.1'],
    ],
    rules: {
      remove: ['nft', 'flush', 'chain', 'ip', 'flannel-ipv4', 'postrtg'],
      list: ['nft', '--stateless', 'list', 'table', 'ip', 'flannel-ipv4'],
      one: 'ip saddr 10.5.0.0/16 ip daddr != 224.0.0.0/4 masquerade',
    },
  },
  {
    type: 'host-gw',
    config: { ...dualStack, Backend: { Type: 'host-gw' } },
    mtu: 1500,
    deletions: [
      ['ip', 'route', 'flush', 'root', '10.5.0.0/16', 'via', '192.168.201.2'],
      ['ip', '-6', 'route', 'flush', 'root', 'fd00:5::/48', 'proto', '85'],
    ],
    rules: {
      remove: ['ip6tables', '-t', 'nat', '-D', 'FLANNEL-POSTRTG', '2'],
      list: ['ip6tables', '-t', 'nat', '-S'],
      one: '-A FLANNEL-POSTRTG -s fd00:5::/48 ! -d ff00::/8 -m comment --comment "flanneld masq" -j MASQUERADE',
    },
  },
  {
    type: 'udp',
    config: { Network: '10.5.0.0/16', Backend: { Type: 'udp' } },
    mtu: 1472,
    deletions: [
      ['ip', 'route', 'del', '10.5.0.0/16'],
      ['ip', 'link', 'set', 'flannel0', 'down'],
      ['ip', 'address', 'flush', 'dev', 'flannel0'],
      ['ip', 'link', 'del', 'flannel0'],
    ],
    rules: {
      remove: ['iptables', '-F', 'FLANNEL-FWD'],
      list: ['iptables', '-S'],
      one: '-A FLANNEL-FWD -s 10.5.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT',
    },
  },
];

/** Adds the hosts of a suite, which has a network of its own: suites run at the same time. */
async function addHosts(network: FlannelHosts, count: number): Promise<void> {
  for (let number = 1; number <= count; number++) await network.addHost(`h${number}`, number);
}

/** Of the tests of a suite. */
const inTurn = { concurrent: false };

const networkName = (suite: string): string => `bfl${process.pid}-${suite}`;

describe.concurrent.each(backends)('three hosts joined by $type', ({ type, config, mtu, deletions, rules }) => {
  let network: FlannelHosts;
  const hosts = (): [FlannelHost, FlannelHost, FlannelHost] => network.hosts as [FlannelHost, FlannelHost, FlannelHost];
  const flags = ['-ip-masq', '-iptables-resync=1'];

  beforeAll(async () => {
    if (skip) return;
    network = await FlannelHosts.make(networkName(type));
    await addHosts(network, 3);
  });
  afterAll(() => network?.close());

  it.skipIf(skip)(
    `lets each pod reach those of the other hosts, with packets of the size that subnet.env names${because}`,
    inTurn,
    async ({ expect }) => {
      await network.configure(config);
      await Promise.all(hosts().map((host) => host.join(...flags)));
      await Promise.all(hosts().map((host) => host.addPod()));
      const [first, second] = hosts();
      expect(await first.subnetFile()).toMatchObject({ FLANNEL_NETWORK: '10.5.0.0/16', FLANNEL_MTU: String(mtu), FLANNEL_IPMASQ: 'true' });
      await expect.poll(() => network.unreachable()).toEqual([]);
      expect(await first.podReaches(second.podAddresses[0] ?? '', mtu - 28)).toBe(true);
    },
  );

  it.skipIf(skip)(`repairs what somebody deletes by hand${because}`, inTurn, async ({ expect }) => {
    for (let begin = 0; begin < deletions.length; begin += hosts().length) {
      const damages = deletions.slice(begin, begin + hosts().length);
      await Promise.all(damages.map((damage, index) => hosts()[index]?.exec(...damage)));
      await expect.poll(() => network.unreachable(), { message: damages.map((damage) => damage.join(' ')).join(', ') }).toEqual([]);
    }
  });

  it.skipIf(skip)(`keeps the rules of the firewall${because}`, inTurn, async ({ expect }) => {
    const [first] = hosts();
    const before = await first.exec(...rules.list);
    expect(before).toContain(rules.one);
    await first.whilePaused(async () => {
      await first.exec(...rules.remove);
      expect(await first.exec(...rules.list)).not.toBe(before);
    });
    await expect.poll(() => first.exec(...rules.list)).toBe(before);
  });

  it.skipIf(skip)(`goes on when etcd was away, and when a daemon was killed and started again${because}`, inTurn, async ({ expect }) => {
    const [first] = hosts();
    const before = await first.subnetFile();
    await network.etcd.kill();
    await first.stop('SIGKILL');
    first.start(...flags);
    await first.logged(/waiting for the network configuration/);
    await network.etcd.start();
    await first.logged(/this host is joined/);
    expect(await first.subnetFile()).toEqual(before);
    await expect.poll(() => network.unreachable()).toEqual([]);
  });

  it.skipIf(skip)(`takes a host back that comes with another address${because}`, inTurn, async ({ expect }) => {
    const third = hosts()[2];
    expect(await third.stop()).toBe(0);
    const number = 10 + backends.findIndex((backend) => backend.type === type);
    await third.move(number);
    await third.join(...flags);
    await third.addPod();
    await expect.poll(() => network.unreachable()).toEqual([]);
    const leases = await network.etcd.list('/coreos.com/network/subnets/');
    expect([...leases.values()].filter((value) => value.includes(`"192.168.201.${number}"`))).toHaveLength(1);
  });
});

describe.concurrent('two hosts', () => {
  let network: FlannelHosts;
  const hosts = (): [FlannelHost, FlannelHost] => network.hosts as [FlannelHost, FlannelHost];

  beforeAll(async () => {
    if (skip) return;
    network = await FlannelHosts.make(networkName('two'));
    await addHosts(network, 2);
  });
  afterAll(() => network?.close());

  it.skipIf(skip)(`vxlan with DirectRouting takes a host on the same link as a gateway${because}`, inTurn, async ({ expect }) => {
    await network.configure({ ...dualStack, EnableNFTables: true, Backend: { Type: 'vxlan', DirectRouting: true } });
    const [first, second] = hosts();
    await Promise.all([first.join(), second.join()]);
    await Promise.all([first.addPod(), second.addPod()]);
    const [pod = ''] = second.podAddresses;
    await expect.poll(() => first.podReaches(pod)).toBe(true);
    expect(await first.exec('ip', 'route', 'get', pod)).toContain(`${pod} via 192.168.201.2 dev eth0`);
    expect(await first.exec('bridge', 'fdb', 'show', 'dev', 'flannel.1')).not.toContain('192.168.201.2');
    await Promise.all([first.stop(), second.stop()]);
  });

  describe('of which one can not be joined', inTurn, () => {
    const first = (): FlannelHost => hosts()[0];
    const config = { Network: '10.5.0.0/16', EnableNFTables: true, Backend: { Type: 'vxlan' } };

    /** What its daemon said last before it ended by itself. */
    async function refusal(host: FlannelHost): Promise<string> {
      host.start();
      expect(await host.ended()).toBe(1);
      const lines = host.log.trim().split('\n');
      return JSON.parse(lines.at(-2) ?? '{}').msg;
    }

    it.skipIf(skip)(`says what of the network configuration is wrong${because}`, async () => {
      await network.configure({ ...config, Backend: { Type: 'ipsec' } });
      expect(await refusal(first())).toBe(
        'network configuration /coreos.com/network/config.Backend.Type: must be one of vxlan, host-gw, udp, and is "ipsec"',
      );
      await network.configure(config);
    });

    it.skipIf(skip)(`says that there is no default route${because}`, async () => {
      await first().exec('ip', 'route', 'del', 'default');
      expect(await refusal(first())).toContain(
        'default IPv4 route: there is none, so the interface to the other hosts is not known; name it by -iface',
      );
      await first().move(1);
    });

    it.skipIf(skip)(`leaves another's device of the same name alone${because}`, async () => {
      await first().exec('ip', 'link', 'del', 'flannel.1');
      await first().exec('ip', 'link', 'add', 'flannel.1', 'type', 'bridge');
      expect(await refusal(first())).toBe(
        'device flannel.1: there is one already, of the kind bridge and not vxlan; remove or rename it, or choose another VNI',
      );
      await first().exec('ip', 'link', 'del', 'flannel.1');
    });

    it.skipIf(skip)(`any longer, since its lease was taken away, ends and says so${because}`, async () => {
      await first().join();
      const [key = ''] =
        [...(await network.etcd.list('/coreos.com/network/subnets/'))].find(([, value]) => value.includes('"192.168.201.1"')) ?? [];
      await network.etcd.delete(key);
      expect(await first().ended()).toBe(1);
      expect(first().log).toContain('it was taken away; start flanneld again');
    });
  });
});
