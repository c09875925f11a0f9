import { chmod, lchown, lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';

/** `OnRootMismatch` leaves a volume alone whose top has the right owner and mode already; it is for volumes that outlive their pod. */
type FsGroupChangePolicy = 'Always' | 'OnRootMismatch';

interface OwnershipOptions {
  readOnly?: boolean;
  policy?: FsGroupChangePolicy;
}

const readWrite = 0o660;
const readOnlyBits = 0o440;
const search = 0o110;
const setgid = 0o2000;
const modeBits = 0o7777;

/**
 * Gives everything in a volume to a group that may read it, and write it unless it is read-only; what is made in its directories later gets
 * the group by their setgid bit. Symbolic links are given away themselves and never followed. Nothing happens without a group. No container may
 * have the volume yet: one that could rename things under way would choose what is given away.
 */
export async function giveToGroup(
  path: string,
  group: number | undefined,
  { readOnly = false, policy = 'Always' }: OwnershipOptions = {},
): Promise<void> {
  if (group === undefined) return;
  const bits = readOnly ? readOnlyBits : readWrite;
  if (policy === 'OnRootMismatch' && (await isGiven(path, group, bits))) return;
  await give(path, group, bits);
}

async function isGiven(path: string, group: number, bits: number): Promise<boolean> {
  const { gid, mode } = await lstat(path);
  const wanted = bits | search | setgid;
  return gid === group && (mode & wanted) === wanted;
}

/** Children first: a top that is right tells that all below it is. */
async function give(path: string, group: number, bits: number): Promise<void> {
  const found = await lstat(path);
  if (found.isDirectory()) for await (const entry of await opendir(path)) await give(join(path, entry.name), group, bits);
  if (found.gid !== group) await lchown(path, found.uid, group);
  if (found.isSymbolicLink()) return;
  const mode = (found.mode & modeBits) | bits | (found.isDirectory() ? search | setgid : 0);
  // A change of group takes the setgid bit away.
  if (found.gid !== group || mode !== (found.mode & modeBits)) await chmod(path, mode);
}
