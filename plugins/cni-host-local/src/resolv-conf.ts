import { readFileSync } from 'node:fs';
import type { Dns } from '@berth/sdk/cni/types';
import { CniError, errorCodes } from '@berth/sdk/cni/types';

/** Reads a file in the form of resolv.conf(5). Throws a CniError (code 5) that names it. */
export function readResolvConf(file: string): Dns {
  try {
    return parseResolvConf(readFileSync(file, 'utf8'));
  } catch (cause) {
    const hint = 'name a file in the form of resolv.conf(5), or leave the key out';
    throw new CniError(errorCodes.ioFailure, `can't be read: ${(cause as Error).message}`, {
      object: `ipam.resolvConf ${file}`,
      hint,
      cause,
    });
  }
}

/** The last `domain` and each `search` line count; `nameserver` and `options` add up. */
export function parseResolvConf(text: string): Dns {
  const dns: Dns = {};
  for (const line of text.split('\n')) {
    const [keyword = '', ...values] = line.trim().split(/\s+/);
    if (values.length === 0 || /^[#;]/.test(keyword)) continue;
    if (keyword === 'nameserver') dns.nameservers = [...(dns.nameservers ?? []), ...values.slice(0, 1)];
    if (keyword === 'domain') dns.domain = values[0];
    if (keyword === 'search') dns.search = [...(dns.search ?? []), ...values];
    if (keyword === 'options') dns.options = [...(dns.options ?? []), ...values];
  }
  return dns;
}
