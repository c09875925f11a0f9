import { PluginError } from './errors.ts';

/** Where a plugin listens. */
export type Address = { kind: 'unix'; path: string } | { kind: 'tcp'; host: string; port: number };

/** The kernel's `sun_path` holds 108 bytes with the closing NUL. */
const maxSocketPathBytes = 107;

/**
 * Reads `unix:///path` (also `unix:/path`) or `host:port`, with `[::1]:port` for IPv6.
 * Anything else, and a socket path that the kernel can't hold, is INVALID_ARGUMENT.
 */
export function parseAddress(address: string): Address {
  return address.startsWith('unix:') ? unixAddress(address) : tcpAddress(address);
}

/** The address as `parseAddress()` reads it. */
export function formatAddress(address: Address): string {
  if (address.kind === 'unix') return `unix://${address.path}`;
  return `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
}

function unixAddress(address: string): Address {
  const path = address.slice('unix:'.length).replace(/^\/\//, '');
  if (!path.startsWith('/')) throw invalid(address, 'the path of a unix socket must be absolute', 'write unix:///PATH');
  if (path.includes('\0')) throw invalid(address, 'the path holds a NUL byte', 'choose another path');
  const bytes = Buffer.byteLength(path);
  if (bytes > maxSocketPathBytes) {
    throw invalid(
      address,
      `the path has ${bytes} bytes, and the kernel allows ${maxSocketPathBytes} for a socket`,
      'choose a shorter directory',
    );
  }
  return { kind: 'unix', path };
}

function tcpAddress(address: string): Address {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:/[\]]+)):(\d{1,5})$/.exec(address);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (!host || port > 65535) throw invalid(address, 'not an address', 'write unix:///PATH or HOST:PORT');
  return { kind: 'tcp', host, port };
}

function invalid(address: string, what: string, hint: string): PluginError {
  return new PluginError('INVALID_ARGUMENT', what, { object: `address ${JSON.stringify(address)}`, hint });
}
