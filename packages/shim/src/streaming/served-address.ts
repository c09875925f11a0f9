import { isIPv4 } from 'node:net';
import { parseAddress } from '@berth/sdk/address';
import { PluginError } from '@berth/sdk/errors';

/** Host and port of a streaming server, which its URLs name. Throws INVALID_ARGUMENT for an address that it must not have. */
export function servedAddress({ address, tls }: { address: string; tls?: unknown }): { host: string; port: number } {
  const parsed = parseAddress(address);
  const object = `streaming address ${address}`;
  if (parsed.kind !== 'tcp') throw new PluginError('INVALID_ARGUMENT', 'it must be a TCP address', { object });
  const { host, port } = parsed;
  if (['0.0.0.0', '::'].includes(host)) {
    throw new PluginError('INVALID_ARGUMENT', 'the URLs that clients get would name no host', {
      object,
      hint: 'give the address or the name by which clients reach this host',
    });
  }
  if (!tls && !isLoopback(host)) {
    throw new PluginError('INVALID_ARGUMENT', 'it is not on loopback, and without TLS others could read and use the tokens', {
      object,
      hint: 'give --streaming-tls-cert-file and --streaming-tls-private-key-file, or listen on 127.0.0.1',
    });
  }
  return { host, port };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}
