import { checkDnsSubdomain, checkIp } from '../names.ts';
import type { PodDNSConfig, PodSpec } from '../objects.ts';
import { checkEach, checkSupported, type FieldError, invalid, invalidFor, required } from './field-error.ts';

// The limits of resolv.conf as Kubernetes draws them.
const maxNameservers = 3;
const maxSearches = 32;
const maxSearchCharacters = 2048;

/** dnsPolicy and dnsConfig. */
export function validateDns({ dnsPolicy, dnsConfig }: PodSpec, path: string): FieldError[] {
  return [
    ...checkSupported(`${path}.dnsPolicy`, dnsPolicy, ['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None']),
    ...(dnsPolicy === 'None' && !dnsConfig ? [required(`${path}.dnsConfig`, 'must provide `dnsConfig` when `dnsPolicy` is None')] : []),
    ...(dnsPolicy === 'None' && dnsConfig && !dnsConfig.nameservers?.length
      ? [required(`${path}.dnsConfig.nameservers`, 'must provide at least one DNS nameserver when `dnsPolicy` is None')]
      : []),
    ...(dnsConfig ? validateDnsConfig(dnsConfig, `${path}.dnsConfig`) : []),
  ];
}

function validateDnsConfig({ nameservers = [], searches = [], options }: PodDNSConfig, path: string): FieldError[] {
  return [
    ...(nameservers.length > maxNameservers
      ? [invalid(`${path}.nameservers`, nameservers, `must not have more than ${maxNameservers} nameservers`)]
      : []),
    ...checkEach(`${path}.nameservers`, nameservers, (address, at) => invalidFor(at, address, checkIp(address))),
    ...(searches.length > maxSearches
      ? [invalid(`${path}.searches`, searches, `must not have more than ${maxSearches} search paths`)]
      : []),
    ...(searches.join(' ').length > maxSearchCharacters
      ? [
          invalid(
            `${path}.searches`,
            searches,
            `must not have more than ${maxSearchCharacters} characters (including spaces) in the search list`,
          ),
        ]
      : []),
    ...checkEach(`${path}.searches`, searches, (search, at) => validateSearch(search, at)),
    ...checkEach(`${path}.options`, options, ({ name }, at) => (name ? [] : [required(at, 'must not be empty')])),
  ];
}

/** A search path may end in a dot, be the root alone, and hold underscores. */
function validateSearch(search: string, path: string): FieldError[] {
  if (search === '.') return [];
  return invalidFor(path, search, checkDnsSubdomain(search.replace(/\.$/, '').replaceAll('_', 'a')));
}
