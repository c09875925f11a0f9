import type { DNSConfig } from '@berth/sdk/cri';

// What resolvers take at least (kubelet/network/dns/dns.go; validation.go of the API).
const maxServers = 3;
const maxSearches = 32;
const maxSearchCharacters = 2048;
/** glibc ends a program that looks a name up below a longer domain. */
const maxDomainCharacters = 253;

/** A resolver's configuration as it is used, and a sentence on each line of it that was cut. */
interface FittedResolver {
  config: DNSConfig;
  cuts: string[];
}

/** Cuts what no resolver would read: servers after the third, search domains after the 32nd or past 2048 characters. */
export function fitResolver({ servers, searches, options }: DNSConfig): FittedResolver {
  const fitted = { servers: servers.slice(0, maxServers), searches: fittingSearches(searches), options };
  const cut = (what: string, omitted: string, line: string, applied: string[]) =>
    `${what} limits were exceeded, some ${omitted} have been omitted, the applied ${line} line is: ${applied.join(' ')}`;
  return {
    config: fitted,
    cuts: [
      ...(fitted.servers.length < servers.length ? [cut('Nameserver', 'nameservers', 'nameserver', fitted.servers)] : []),
      ...(fitted.searches.length < searches.length ? [cut('Search Line', 'search paths', 'search', fitted.searches)] : []),
    ],
  };
}

function fittingSearches(searches: string[]): string[] {
  const fitting = searches.slice(0, maxSearches).filter(({ length }) => length <= maxDomainCharacters);
  while (fitting.join(' ').length > maxSearchCharacters) fitting.pop();
  return fitting;
}
