import type { Address, Prefix } from '@berth/sdk/cni/address';
import { parseAddress, parsePrefix } from '@berth/sdk/cni/address';
import { describe, expect, it } from 'vitest';
import type { PortMapping } from './configuration.ts';
import type { Forwarding } from './forwarding.ts';
import { mappingCommands, staleChains } from './iptables/rules.ts';
import type { Preparation } from './nftables/script.ts';
import { forwardingScript, markOf } from './nftables/script.ts';
import { deletions } from './stale-connections.ts';

const tcp: PortMapping = { hostPort: 8080, containerPort: 80, protocol: 'tcp' };

function forwarding(address: string, mappings: PortMapping[], options: Partial<Forwarding['options']> = {}): Forwarding {
  return {
    network: 'pods.v1',
    containerId: 'c1',
    targets: [{ prefix: parsePrefix(address) as Prefix, mappings }],
    options: { snat: true, masqAll: false, markMasqBit: 13, conditions: { 4: [], 6: [] }, ...options },
  };
}

const all: Preparation = { tables: [4], localnet: false };
const none: Preparation = { tables: [], localnet: false };
const rulesIn = (script: string) => script.split('\n').filter((line) => line.includes('comment "c1"'));

describe('the nft script', () => {
  it('makes the table as the reference plugin does, however often it is run', () => {
    const name = 'ip cni_hostport';
    expect(forwardingScript(forwarding('10.1.0.2/16', []), all).split('\n').slice(0, -2)).toEqual([
      `add table ${name} { comment "CNI portmap plugin" ; }`,
      `add chain ${name} hostports`,
      `add chain ${name} hostip_hostports`,
      `add chain ${name} hostports_all`,
      `add chain ${name} prerouting { type nat hook prerouting priority -100 ; }`,
      `add chain ${name} output { type nat hook output priority -100 ; }`,
      `add chain ${name} masquerading { type nat hook postrouting priority 100 ; }`,
      `flush chain ${name} hostports_all`,
      `add rule ${name} hostports_all jump hostip_hostports`,
      `add rule ${name} hostports_all jump hostports`,
      `flush chain ${name} prerouting`,
      `add rule ${name} prerouting fib daddr type local jump hostports_all`,
      `flush chain ${name} output`,
      `add rule ${name} output fib daddr type local jump hostports_all`,
      `add counter ${name} network_pods.v1`,
    ]);
  });

  it('has a rule for each mapping, those of one address inserted last, and two for masquerading', () => {
    const mappings: PortMapping[] = [
      { ...tcp, hostIP: parseAddress('192.0.2.1') as Address },
      { ...tcp, protocol: 'sctp' },
      { ...tcp, protocol: 'udp', hostIP: parseAddress('0.0.0.0') as Address },
    ];
    const ending = 'comment "c1"';
    const counted = 'counter name network_pods.v1';
    expect(rulesIn(forwardingScript(forwarding('10.1.0.2/16', mappings), none))).toEqual([
      `insert rule ip cni_hostport hostports udp dport 8080 ${counted} dnat to 10.1.0.2:80 ${ending}`,
      `insert rule ip cni_hostport hostports sctp dport 8080 ${counted} dnat to 10.1.0.2:80 ${ending}`,
      `insert rule ip cni_hostport hostports ip daddr 192.0.2.1 tcp dport 8080 ${counted} dnat to 10.1.0.2:80 ${ending}`,
      `add rule ip cni_hostport masquerading ip saddr 10.1.0.0/16 ip daddr 10.1.0.2 ct status dnat ${counted} masquerade ${ending}`,
      `add rule ip cni_hostport masquerading ip saddr 127.0.0.0/8 ip daddr 10.1.0.2 ct status dnat ${counted} masquerade ${ending}`,
    ]);
  });

  it('is of IPv6 for an IPv6 address', () => {
    const script = forwardingScript(forwarding('fd00::2/64', [tcp], { conditions: { 4: ['ip'], 6: ['iifname', 'eth0'] } }), none);
    expect(script).not.toContain('add table ip cni_hostport');
    expect(rulesIn(script)).toEqual([
      'insert rule ip6 cni_hostport hostports iifname eth0 tcp dport 8080 counter name network_pods.v1 dnat to [fd00::2]:80 comment "c1"',
      'add rule ip6 cni_hostport masquerading ip6 saddr fd00::/64 ip6 daddr fd00::2 ct status dnat counter name network_pods.v1 masquerade comment "c1"',
    ]);
  });

  it.each([
    [{ snat: false }, 0],
    [{ snat: false, masqAll: true }, 0],
    [{ masqAll: true }, 1],
  ])('with %j has %d rules for masquerading', (options, count) => {
    const script = forwardingScript(forwarding('10.1.0.2/16', [tcp], options), none);
    expect(rulesIn(script).filter((rule) => rule.includes('masquerade'))).toHaveLength(count);
  });

  it('keeps others than the host from its loopback address where that is routed', () => {
    expect(forwardingScript(forwarding('10.1.0.2/16', [tcp]), { tables: [], localnet: true })).toContain(
      'localnet iifname != "lo" ip daddr 127.0.0.0/8 drop',
    );
    expect(forwardingScript(forwarding('10.1.0.2/16', [tcp]), none)).not.toContain('localnet');
  });

  it('keeps a comment within what the kernel takes', () => {
    expect(markOf('x'.repeat(200))).toHaveLength(128);
  });
});

describe('the commands for iptables', () => {
  const chain = 'CNI-DN-623e1c388032b20529218';
  const comment = String.raw`-m comment --comment "dnat name: \"pods.v1\" id: \"c1\""`;
  const empty = ['-P PREROUTING ACCEPT', '-P OUTPUT ACCEPT', '-P POSTROUTING ACCEPT'];
  const shared = [
    '-N CNI-HOSTPORT-DNAT',
    '-N CNI-HOSTPORT-SETMARK',
    '-N CNI-HOSTPORT-MASQ',
    '-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT',
    '-A OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT',
    '-A CNI-HOSTPORT-SETMARK -m comment --comment "CNI portfwd masquerade mark" -j MARK --set-xmark 0x2000/0x2000',
    '-A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE',
    '-A POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ',
  ];
  const commands = (listing: string[], planned: Forwarding) =>
    planned.targets.flatMap((target) => mappingCommands(listing, planned, target, chain));
  const inChain = (lines: string[]) =>
    lines.filter((line) => line.startsWith(`-A ${chain}`)).map((line) => line.replace(`-A ${chain} `, ''));

  it('make the shared chains and rules of the reference plugin, and those of the container', () => {
    const mappings: PortMapping[] = [{ ...tcp, protocol: 'sctp', hostIP: parseAddress('192.0.2.1') as Address }];
    expect(commands(empty, forwarding('10.1.0.2/16', mappings))).toEqual([
      ...shared.slice(0, 3),
      `-N ${chain}`,
      ...shared.slice(5, 7),
      '-I POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ',
      ...shared.slice(3, 5),
      `-F ${chain}`,
      `-A ${chain} -p sctp --dport 8080 -d 192.0.2.1 -s 10.1.0.0/16 -j CNI-HOSTPORT-SETMARK`,
      `-A ${chain} -p sctp --dport 8080 -d 192.0.2.1 -s 127.0.0.1 -j CNI-HOSTPORT-SETMARK`,
      `-A ${chain} -p sctp --dport 8080 -d 192.0.2.1 -j DNAT --to-destination 10.1.0.2:80`,
      `-I CNI-HOSTPORT-DNAT ${comment} -m multiport -p sctp --destination-ports 8080 -j ${chain}`,
    ]);
  });

  it('leave what is shared, and replace what an earlier ADD has made', () => {
    const jump = `CNI-HOSTPORT-DNAT -p tcp ${comment} -m multiport --dports 9090 -j ${chain}`;
    const others = `-A CNI-HOSTPORT-DNAT -p tcp -m multiport --dports 9091 -j CNI-DN-of-another`;
    const made = commands([...empty, ...shared, `-N ${chain}`, `-A ${jump}`, others], forwarding('fd00::2/64', [tcp]));
    expect(made).toEqual([
      `-D ${jump}`,
      `-F ${chain}`,
      `-A ${chain} -p tcp --dport 8080 -s fd00::/64 -j CNI-HOSTPORT-SETMARK`,
      `-A ${chain} -p tcp --dport 8080 -j DNAT --to-destination [fd00::2]:80`,
      `-I CNI-HOSTPORT-DNAT ${comment} -m multiport -p tcp --destination-ports 8080 -j ${chain}`,
    ]);
  });

  it.each<[what: string, options: Partial<Forwarding['options']>, sources: string[]]>([
    ['masqAll', { masqAll: true }, ['-s 0.0.0.0/0 -j CNI-HOSTPORT-SETMARK']],
    ['snat off', { snat: false }, []],
    [
      'a chain of others',
      { externalSetMarkChain: 'KUBE-MARK-MASQ' },
      ['-s 10.1.0.0/16 -j KUBE-MARK-MASQ', '-s 127.0.0.1 -j KUBE-MARK-MASQ'],
    ],
  ])('with %s', (_, options, sources) => {
    const made = commands(empty, forwarding('10.1.0.2/16', [tcp], options));
    expect(inChain(made).slice(0, -1)).toEqual(sources.map((source) => `-p tcp --dport 8080 ${source}`));
    expect(made.includes('-N CNI-HOSTPORT-MASQ')).toBe(options.masqAll === true);
  });

  it('mark with the bit that is asked for', () => {
    const made = commands(empty, forwarding('10.1.0.2/16', [tcp], { markMasqBit: 31 }));
    expect(made).toContain('-A CNI-HOSTPORT-MASQ -m mark --mark 0x80000000/0x80000000 -j MASQUERADE');
  });

  it('take 15 ports in one jump, with the conditions quoted where they must be', () => {
    const mappings = Array.from({ length: 16 }, (_, index) => ({ ...tcp, hostPort: 8000 + index }));
    const planned = forwarding('10.1.0.2/16', mappings, { conditions: { 4: ['!', '-i', 'a b'], 6: [] } });
    const jumps = commands(empty, planned).filter((line) => line.startsWith('-I CNI-HOSTPORT-DNAT'));
    expect(jumps).toHaveLength(2);
    expect(jumps[1]).toBe(`-I CNI-HOSTPORT-DNAT ${comment} -m multiport -p tcp --destination-ports 8015 ! -i "a b" -j ${chain}`);
  });

  it('find the chains of a network that are not valid', () => {
    const jump = (network: string, name: string) =>
      String.raw`-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \"${network}\" id: \"x\"" -m multiport --dports 1 -j ${name}`;
    const listing = [jump('net', 'CNI-DN-1'), jump('net', 'CNI-DN-1'), jump('net', 'CNI-DN-2'), jump('net2', 'CNI-DN-3')];
    expect(staleChains(listing, 'net', ['CNI-DN-2'])).toEqual(['CNI-DN-1']);
  });
});

describe('stale connections', () => {
  it('are those of UDP, to one address where the mapping has one', () => {
    const mappings: PortMapping[] = [
      tcp,
      { ...tcp, protocol: 'udp' },
      { ...tcp, hostPort: 53, protocol: 'udp', hostIP: parseAddress('192.0.2.1') as Address },
    ];
    expect(deletions(forwarding('10.1.0.2/16', mappings)).map((parameters) => parameters.join(' '))).toEqual([
      '--delete --family ipv4 --proto udp --orig-port-dst 8080',
      '--delete --family ipv4 --proto udp --orig-port-dst 53 --orig-dst 192.0.2.1',
    ]);
  });
});
