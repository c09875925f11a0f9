import { DNSConfig } from '@berth/sdk/cri';

/** The name servers, search domains and options of a resolv.conf(5); of several `search` lines the last counts, and a domain's final dot goes. */
export function parseResolvConf(text: string): DNSConfig {
  const config = DNSConfig.create();
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'nameserver' && values[0]) config.servers.push(values[0]);
    else if (keyword === 'search') config.searches = values.map((search) => (search === '.' ? search : search.replace(/\.$/, '')));
    else if (keyword === 'options') config.options.push(...values);
  }
  return config;
}
