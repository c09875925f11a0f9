import type { Prefix } from '@berth/sdk/cni/address';
import { parsePrefix } from '@berth/sdk/cni/address';
import { describe, expect, it } from 'vitest';
import { removalScript as removalFromIptables } from './iptables-masquerade.ts';
import { masqueradeRules, removalScript, ruleMark } from './masquerade.ts';

const attached = { network: 'net', containerId: 'c1', ifName: 'eth0' };

describe('masquerade by nftables', () => {
  it('has one rule for each address, marked with its attachment', async () => {
    const script = await masqueradeRules(attached, [parsePrefix('10.1.0.2/16') as Prefix, parsePrefix('fd00::2/64') as Prefix]);
    const comment = `comment "${await ruleMark(attached)}, net: net, if: eth0, id: c1"`;
    expect(script.split('\n')).toEqual([
      `add rule inet cni_plugins_masquerade masq_checks ip saddr 10.1.0.2 ip daddr != 10.1.0.0/16 masquerade ${comment}`,
      `add rule inet cni_plugins_masquerade masq_checks ip6 saddr fd00::2 ip6 daddr != fd00::/64 masquerade ${comment}`,
    ]);
  });

  it('marks a rule by the hashes that the reference plugin makes', async () => {
    // printf net | sha512sum | cut -c-16, and the same of eth0:c1
    expect(await ruleMark(attached)).toBe('a4861f4ae9f7d238-f4d01f2ef4b92245');
  });

  it('keeps a comment within what the kernel takes', async () => {
    const script = await masqueradeRules({ ...attached, containerId: 'x'.repeat(200) }, [parsePrefix('10.1.0.2/16') as Prefix]);
    expect(/comment "([^"]+)"$/.exec(script)?.[1]).toHaveLength(128);
  });

  it('deletes only the rules of its own attachment', async () => {
    const mark = await ruleMark(attached);
    const listing = [
      'table inet cni_plugins_masquerade { # handle 1',
      `  ip saddr 10.1.0.2 ip daddr != 10.1.0.0/16 masquerade comment "${mark}, net: net, if: eth0, id: c1" # handle 7`,
      '  ip saddr 10.1.0.3 ip daddr != 10.1.0.0/16 masquerade comment "other, net: net, if: eth0, id: c2" # handle 8',
    ].join('\n');
    expect(removalScript(listing, mark)).toBe('delete rule inet cni_plugins_masquerade masq_checks handle 7');
    expect(removalScript('', mark)).toBe('');
  });
});

describe("the reference plugin's masquerade by iptables", () => {
  const listing = [
    '-P POSTROUTING ACCEPT',
    '-N CNI-abc',
    '-A POSTROUTING -s 10.1.0.2/32 -m comment --comment "name: \\"net\\" id: \\"c1\\"" -j CNI-abc',
    '-A POSTROUTING -s 10.1.0.3/32 -j CNI-other',
    '-A CNI-abc -d 10.1.0.0/16 -j ACCEPT',
  ].join('\n');

  it('is removed with the jumps to it', () => {
    expect(removalFromIptables(listing, 'CNI-abc').split('\n')).toEqual([
      '*nat',
      '-D POSTROUTING -s 10.1.0.2/32 -m comment --comment "name: \\"net\\" id: \\"c1\\"" -j CNI-abc',
      '-F CNI-abc',
      '-X CNI-abc',
      'COMMIT',
      '',
    ]);
  });

  it('needs nothing where its chain is not there', () => {
    expect(removalFromIptables(listing, 'CNI-none')).toBe('');
  });
});
