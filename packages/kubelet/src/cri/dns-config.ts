import type { Pod } from '@berth/api/objects';
import { DNSConfig } from '@berth/sdk/cri';
import { specOf } from '../pod.ts';

/** The name servers, search domains and options of a resolv.conf(5); of several `search` lines the last counts. */
export function parseResolvConf(text: string): DNSConfig {
  const config = DNSConfig.create();
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'nameserver' && values[0]) config.servers.push(values[0]);
    else if (keyword === 'search') config.searches = values;
    else if (keyword === 'options') config.options.push(...values);
  }
  return config;
}

/**
 * What the pod's resolv.conf says. Without a cluster DNS, ClusterFirst is what Default is: the host's own. None starts empty;
 * the pod's dnsConfig comes on top of each.
 */
export function dnsConfig(pod: Pod, host: DNSConfig): DNSConfig {
  const { dnsPolicy, dnsConfig: own } = specOf(pod);
  const base = dnsPolicy === 'None' ? DNSConfig.create() : host;
  const options = (own?.options ?? []).map(({ name, value }) => (value === undefined ? (name ?? '') : `${name}:${value}`));
  const optionName = (option: string) => option.split(':')[0];
  const overridden = new Set(options.map(optionName));
  return {
    servers: [...new Set([...base.servers, ...(own?.nameservers ?? [])])],
    searches: [...new Set([...base.searches, ...(own?.searches ?? [])])],
    options: [...base.options.filter((option) => !overridden.has(optionName(option))), ...options],
  };
}
