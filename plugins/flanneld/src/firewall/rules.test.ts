import { describe, expect, it } from 'vitest';
import { chainsFor, changesFor } from './iptables-firewall.ts';
import { tableScript } from './nft-firewall.ts';

const spec = { network: '10.5.0.0/16', subnet: '10.5.1.0/24', masquerade: true, forward: true };

describe('the rules of iptables', () => {
  const [masquerade, forward] = chainsFor(4, spec);

  it("are flannel's, in its order", () => {
    const comment = '-m comment --comment "flanneld masq"';
    expect(masquerade).toEqual({
      table: 'nat',
      chain: 'FLANNEL-POSTRTG',
      jump: `-A POSTROUTING ${comment} -j FLANNEL-POSTRTG`,
      rules: [
        `-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 ${comment} -j RETURN`,
        `-A FLANNEL-POSTRTG -s 10.5.1.0/24 -d 10.5.0.0/16 ${comment} -j RETURN`,
        `-A FLANNEL-POSTRTG -s 10.5.0.0/16 -d 10.5.1.0/24 ${comment} -j RETURN`,
        `-A FLANNEL-POSTRTG ! -s 10.5.0.0/16 -d 10.5.1.0/24 ${comment} -j RETURN`,
        `-A FLANNEL-POSTRTG -s 10.5.0.0/16 ! -d 224.0.0.0/4 ${comment} -j MASQUERADE --random-fully`,
        `-A FLANNEL-POSTRTG ! -s 10.5.0.0/16 -d 10.5.0.0/16 ${comment} -j MASQUERADE --random-fully`,
      ],
    });
    expect(forward?.rules).toEqual([
      '-A FLANNEL-FWD -s 10.5.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT',
      '-A FLANNEL-FWD -d 10.5.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT',
    ]);
  });

  it('are written where they are missing, changed or in another order, and else left alone', () => {
    if (!forward) throw new Error('no chain');
    const { jump, rules } = forward;
    const whole = [':FLANNEL-FWD - [0:0]', ...rules];
    expect(changesFor(forward, ['-P FORWARD ACCEPT', '-N FLANNEL-FWD', jump, ...rules])).toEqual([]);
    expect(changesFor(forward, ['-P FORWARD ACCEPT', '-N FLANNEL-FWD', ...rules])).toEqual([jump]);
    expect(changesFor(forward, [jump, ...rules.toReversed()])).toEqual(whole);
    expect(changesFor(forward, [jump, ...rules, '-A FLANNEL-FWD -j DROP'])).toEqual(whole);
    expect(changesFor(forward, [])).toEqual([...whole, jump]);
  });

  it('are those that are asked for', () => {
    expect(chainsFor(4, { ...spec, masquerade: false }).map(({ chain }) => chain)).toEqual(['FLANNEL-FWD']);
    expect(chainsFor(6, { ...spec, forward: false })[0]?.rules[4]).toContain('! -d ff00::/8');
  });
});

describe('the rules of nftables', () => {
  it('are the same, in a table that is made anew', () => {
    expect(tableScript(6, { network: 'fd00:5::/48', subnet: 'fd00:5:0:1::/64', masquerade: true, forward: true }).split('\n')).toEqual([
      'add table ip6 flannel-ipv6',
      'delete table ip6 flannel-ipv6',
      'add table ip6 flannel-ipv6',
      'add chain ip6 flannel-ipv6 forward { type filter hook forward priority 0; }',
      'add rule ip6 flannel-ipv6 forward ip6 saddr fd00:5::/48 accept',
      'add rule ip6 flannel-ipv6 forward ip6 daddr fd00:5::/48 accept',
      'add chain ip6 flannel-ipv6 postrtg { type nat hook postrouting priority 100; }',
      'add rule ip6 flannel-ipv6 postrtg meta mark and 0x4000 == 0x4000 return',
      'add rule ip6 flannel-ipv6 postrtg ip6 saddr fd00:5:0:1::/64 ip6 daddr fd00:5::/48 return',
      'add rule ip6 flannel-ipv6 postrtg ip6 saddr fd00:5::/48 ip6 daddr fd00:5:0:1::/64 return',
      'add rule ip6 flannel-ipv6 postrtg ip6 saddr != fd00:5::/48 ip6 daddr fd00:5:0:1::/64 return',
      'add rule ip6 flannel-ipv6 postrtg ip6 saddr fd00:5::/48 ip6 daddr != ff00::/8 masquerade fully-random',
      'add rule ip6 flannel-ipv6 postrtg ip6 saddr != fd00:5::/48 ip6 daddr fd00:5::/48 masquerade fully-random',
      '',
    ]);
  });
});
