import { quoted } from '@berth/sdk/quoted';
import { isLoopback } from './registry-host.ts';

/** An address of a header, for errors: without its query, which may hold a signature. */
export function shown(location = ''): string {
  return quoted(location.replace(/\?.*/s, ''));
}

/** Whether an address that a server names is followed: by HTTPS always; by HTTP only where both are on this machine, or the server itself is spoken to in plain HTTP. */
export function isFollowed(target: URL, from: URL): boolean {
  if (target.protocol === 'https:') return true;
  return target.protocol === 'http:' && from.protocol === 'http:' && (isLoopback(target.host) || !isLoopback(from.host));
}
