import type { Socket } from 'node:net';
import { peerUser } from './peer-credentials.ts';

/** Who may call. */
export interface AllowedUsers {
  /** Their numbers. */
  uids: readonly number[];
  /** Told of each connection that is broken off; undefined: nobody knows whose it was. */
  onRefused?(uid: number | undefined): void;
}

/** Whether the one at the other end of a unix socket may call; one who can't be known may not. */
export function admits({ uids, onRefused }: AllowedUsers, socket: Socket): boolean {
  const uid = peerUser(socket);
  if (uid !== undefined && uids.includes(uid)) return true;
  onRefused?.(uid);
  return false;
}
