import type { BigIntStats } from 'node:fs';

/** Tells a socket from another one that took its place. Where the file system tells when it was made, another mode or owner makes no other socket. */
export function socketIdentity({ dev, ino, birthtimeNs, ctimeNs }: BigIntStats): string {
  return `${dev}:${ino}:${birthtimeNs || ctimeNs}`;
}
