import type { Family } from '../per-family.ts';

/** What is asked of a network's firewall, in one family. Networks are prefixes. */
export interface FirewallSpec {
  /** The whole network. */
  network: string;
  /** This host's part of it. */
  subnet: string;
  masquerade: boolean;
  forward: boolean;
}

/** The mark of packets that kube-proxy masquerades itself (flannel's KubeProxyMark). */
const kubeProxyMark: Mark = { value: '0x4000', mask: '0x4000' };

/** One rule, before it is written for iptables or nft. */
export interface Rule {
  mark?: Mark;
  from?: Match;
  to?: Match;
  verdict: 'return' | 'masquerade' | 'accept';
}

/** The bits of a packet's mark that count, and what they must be. */
interface Mark {
  value: string;
  mask: string;
}

interface Match {
  prefix: string;
  not?: boolean;
}

const multicast: Record<Family, string> = { 4: '224.0.0.0/4', 6: 'ff00::/8' };

/**
 * What is masqueraded: all that leaves the network for somewhere else, and what comes from elsewhere to pods of other hosts, which answer this
 * host then. flannel's rules in its order; the first that matches counts.
 */
export function masqueradeRules(family: Family, { network, subnet }: Pick<FirewallSpec, 'network' | 'subnet'>): Rule[] {
  return [
    { mark: kubeProxyMark, verdict: 'return' },
    { from: { prefix: subnet }, to: { prefix: network }, verdict: 'return' },
    { from: { prefix: network }, to: { prefix: subnet }, verdict: 'return' },
    { from: { prefix: network, not: true }, to: { prefix: subnet }, verdict: 'return' },
    { from: { prefix: network }, to: { prefix: multicast[family], not: true }, verdict: 'masquerade' },
    { from: { prefix: network, not: true }, to: { prefix: network }, verdict: 'masquerade' },
  ];
}

/** What may be forwarded, whatever the host's own policy for the rest is. */
export function forwardRules({ network }: Pick<FirewallSpec, 'network'>): Rule[] {
  return [
    { from: { prefix: network }, verdict: 'accept' },
    { to: { prefix: network }, verdict: 'accept' },
  ];
}
