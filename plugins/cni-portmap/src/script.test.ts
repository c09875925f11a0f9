import type { Address, Prefix } from '@berth/sdk/cni/address';
import { parseAddress, parsePrefix } from '@berth/sdk/cni/address';
import { describe, expect, it } from 'vitest';
import type { PortMapping } from './configuration.ts';
import type { Forwarding } from './forwarding.ts';
import { forwardingScript, markOf } from './script.ts';
import { deletions } from './stale-connections.ts';

const tcp: PortMapping = { hostPort: 8080, containerPort: 80, protocol: 'tcp' };

function forwarding(address: string, mappings: PortMapping[], options: Partial<Forwarding['options']> = {}): Forwarding {
  return {
    network: 'pods.v1',
    containerId: 'c1',
    targets: [{ prefix: parsePrefix(address) as Prefix, mappings }],
    options: { snat: true, masqAll: false, conditions: { 4: '', 6: '' }, ...options },
  };
}

const rulesIn = (script: string) => script.split('\n').filter((line) => line.includes('comment "c1"'));

describe('the script', () => {
  it('makes the table as the reference plugin does, however often it is run', () => {
    const name = 'ip cni_hostport';
    expect(forwardingScript(forwarding('10.1.0.2/16', []), false).split('\n').slice(0, -2)).toEqual([
      `add table ${name} { comment "CNI portmap plugin" ; }`,
      `add counter ${name} network_pods.v1`,
      `add chain ${name} hostports`,
      `add chain ${name} hostip_hostports`,
      `add chain ${name} hostports_all`,
      `flush chain ${name} hostports_all`,
      `add rule ${name} hostports_all jump hostip_hostports`,
      `add rule ${name} hostports_all jump hostports`,
      `add chain ${name} prerouting { type nat hook prerouting priority -100 ; }`,
      `flush chain ${name} prerouting`,
      `add rule ${name} prerouting fib daddr type local jump hostports_all`,
      `add chain ${name} output { type nat hook output priority -100 ; }`,
      `flush chain ${name} output`,
      `add rule ${name} output fib daddr type local jump hostports_all`,
      `add chain ${name} masquerading { type nat hook postrouting priority 100 ; }`,
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
    expect(rulesIn(forwardingScript(forwarding('10.1.0.2/16', mappings), false))).toEqual([
      `insert rule ip cni_hostport hostports sctp dport 8080 ${counted} dnat to 10.1.0.2:80 ${ending}`,
      `insert rule ip cni_hostport hostports udp dport 8080 ${counted} dnat to 10.1.0.2:80 ${ending}`,
      `insert rule ip cni_hostport hostports ip daddr 192.0.2.1 tcp dport 8080 ${counted} dnat to 10.1.0.2:80 ${ending}`,
      `add rule ip cni_hostport masquerading ip saddr 10.1.0.0/16 ip daddr 10.1.0.2 ct status dnat ${counted} masquerade ${ending}`,
      `add rule ip cni_hostport masquerading ip saddr 127.0.0.0/8 ip daddr 10.1.0.2 ct status dnat ${counted} masquerade ${ending}`,
    ]);
  });

  it('is of IPv6 for an IPv6 address', () => {
    const script = forwardingScript(forwarding('fd00::2/64', [tcp], { conditions: { 4: 'ip', 6: 'iifname eth0' } }), false);
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
    const script = forwardingScript(forwarding('10.1.0.2/16', [tcp], options), false);
    expect(rulesIn(script).filter((rule) => rule.includes('masquerade'))).toHaveLength(count);
  });

  it('keeps others than the host from its loopback address where that is routed', () => {
    expect(forwardingScript(forwarding('10.1.0.2/16', [tcp]), true)).toContain('localnet iifname != "lo" ip daddr 127.0.0.0/8 drop');
    expect(forwardingScript(forwarding('10.1.0.2/16', [tcp]), false)).not.toContain('localnet');
  });

  it('keeps a comment within what the kernel takes', () => {
    expect(markOf('x'.repeat(200))).toHaveLength(128);
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
