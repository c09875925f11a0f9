import type { Prefix } from '@berth/sdk/cni/address';
import { parsePrefix } from '@berth/sdk/cni/address';
import { describe, expect, it } from 'vitest';
import { additions, chainsOf } from './iptables.ts';
import { deletions, isRuleOf, masqueradeRules, ruleMark } from './nftables.ts';

const attachment = { network: 'net', containerId: 'c1', ifName: 'eth0' };
const prefix = (text: string) => parsePrefix(text) as Prefix;

describe('masquerade by nftables', () => {
  it('has one rule for each address, marked with its attachment', () => {
    const script = masqueradeRules(attachment, [prefix('10.1.0.2/16'), prefix('fd00::2/64')]);
    const comment = `comment "${ruleMark(attachment)}, net: net, if: eth0, id: c1"`;
    expect(script.split('\n')).toEqual([
      `add rule inet cni_plugins_masquerade masq_checks ip saddr 10.1.0.2 ip daddr != 10.1.0.0/16 masquerade ${comment}`,
      `add rule inet cni_plugins_masquerade masq_checks ip6 saddr fd00::2 ip6 daddr != fd00::/64 masquerade ${comment}`,
    ]);
  });

  it('marks a rule by the hashes that the reference plugin makes', () => {
    // printf net | sha512sum | cut -c-16, and the same of eth0:c1
    expect(ruleMark(attachment)).toBe('a4861f4ae9f7d238-f4d01f2ef4b92245');
  });

  it('keeps a comment within what the kernel takes', () => {
    const script = masqueradeRules({ ...attachment, containerId: 'x'.repeat(200) }, [prefix('10.1.0.2/16')]);
    expect(/comment "([^"]+)"$/.exec(script)?.[1]).toHaveLength(128);
  });

  const match = (op: string, field: string, right: unknown) => ({ match: { op, left: { payload: { protocol: 'ip', field } }, right } });
  const rule = (handle: number, comment: string, chain = 'masq_checks') => {
    const expr = [match('==', 'saddr', '10.1.0.2'), match('!=', 'daddr', { prefix: { addr: '10.1.0.0', len: 16 } }), { masquerade: null }];
    return { family: 'inet', table: 'cni_plugins_masquerade', chain, handle, comment, expr };
  };

  it('deletes only the rules that it is told', () => {
    const mark = ruleMark(attachment);
    const rules = [rule(7, `${mark}, net: net`), rule(8, 'other, net: net'), rule(9, `${mark}, net: net`, 'another')];
    expect(deletions(rules, (comment) => comment.startsWith(mark))).toEqual([
      { delete: { rule: { family: 'inet', table: 'cni_plugins_masquerade', chain: 'masq_checks', handle: 7 } } },
    ]);
  });

  it('knows the rule of an address again, also of one that is a network of its own, which nft lists without a length', () => {
    const alone = { chain: 'masq_checks', expr: [match('==', 'saddr', '10.1.0.2'), match('!=', 'daddr', '10.1.0.2')] };
    expect(isRuleOf(rule(7, ''), prefix('10.1.0.2/16'))).toBe(true);
    expect(isRuleOf(alone, prefix('10.1.0.2/32'))).toBe(true);
    for (const other of ['10.1.0.3/16', '10.1.0.2/24', '10.1.0.2/32']) expect(isRuleOf(rule(7, ''), prefix(other))).toBe(false);
    expect(isRuleOf(alone, prefix('10.1.0.2/31'))).toBe(false);
  });
});

describe('masquerade by iptables', () => {
  const chain = 'CNI-0123456789abcdef01234567';
  const comment = '-m comment --comment "name: \\"net\\" id: \\"c1\\""';
  const rules = [
    `-A ${chain} -d 10.1.0.0/16 ${comment} -j ACCEPT`,
    `-A ${chain} ! -d 224.0.0.0/4 ${comment} -j MASQUERADE`,
    `-A POSTROUTING -s 10.1.0.2/32 ${comment} -j ${chain}`,
  ];

  it('has a chain for the container, and a jump for each of its addresses', () => {
    expect(additions(['-P POSTROUTING ACCEPT'], chain, attachment, [prefix('10.1.0.2/16')])).toEqual([`-N ${chain}`, ...rules]);
    const ofIpv6 = additions([], chain, attachment, [prefix('fd00::2/64')]);
    expect(ofIpv6).toContain(`-A ${chain} ! -d ff00::/8 ${comment} -j MASQUERADE`);
    expect(ofIpv6).toContain(`-A POSTROUTING -s fd00::2/128 ${comment} -j ${chain}`);
  });

  it('adds only what is missing', () => {
    const listing = [`-N ${chain}`, ...rules];
    expect(additions(listing, chain, attachment, [prefix('10.1.0.2/16')])).toEqual([]);
    expect(additions(listing.slice(0, 3), chain, attachment, [prefix('10.1.0.2/16')])).toEqual(rules.slice(2));
  });

  it('finds the chains of one network by the comments of the jumps', () => {
    const others = rules.map((rule) => rule.replaceAll('net', 'net2').replaceAll(chain, 'CNI-ffffffffffffffffffffffff'));
    expect(chainsOf([...rules, ...others], 'net')).toEqual([chain]);
  });
});
