import { formatPrefix } from '@berth/sdk/cni/address';
import type { Flags } from '../flags.ts';
import type { NetworkConfig } from '../network-config.ts';
import { perFamily } from '../per-family.ts';
import type { Lease } from '../subnet/lease.ts';
import type { Firewall } from './firewall.ts';
import { IptablesFirewall } from './iptables-firewall.ts';
import { NftFirewall } from './nft-firewall.ts';

/** The firewall that the network's configuration and the flags ask for: nftables or iptables, with masquerading or without. */
export function createFirewall(
  { ranges, enableNftables }: Pick<NetworkConfig, 'ranges' | 'enableNftables'>,
  { subnets }: Pick<Lease, 'subnets'>,
  flags: Pick<Flags, 'ip-masq' | 'iptables-forward-rules'>,
): Firewall {
  const [masquerade, forward] = [flags['ip-masq'], flags['iptables-forward-rules']];
  const specs = perFamily((family) => {
    const [range, subnet] = [ranges[family], subnets[family]];
    if (!range || !subnet || (!masquerade && !forward)) return undefined;
    return { network: formatPrefix(range.network), subnet: formatPrefix(subnet), masquerade, forward };
  });
  return enableNftables ? new NftFirewall(specs) : new IptablesFirewall(specs);
}
