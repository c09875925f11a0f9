import { accessSync, constants, existsSync, mkdtempSync, rmdirSync, statfsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseAddress } from '@berth/sdk/cni/address';
import { CniError, errorCodes } from '@berth/sdk/cni/types';
import { readAddresses } from './address-files.ts';
import type { Configuration } from './configuration.ts';
import type { RangeSet } from './range.ts';
import { capacityOf, formatRangeSet, rangeOf } from './range.ts';
import { ReservationIndex } from './reservation-index.ts';

/**
 * Throws a CniError (code 50) where an ADD would fail whatever container it is for: the store can't be written, or a range set has no free
 * address; code 6 for a store of a newer version. Leaves nothing changed. Without a network only the directory of the stores is looked at.
 */
export function requireAvailable({ dataDir, rangeSets }: Configuration, network: string | undefined): void {
  const directory = network === undefined ? dataDir : join(dataDir, network);
  requireWritable(directory);
  const taken = network === undefined ? [] : readStore(directory);
  const exhausted = rangeSets.findIndex((set) => isExhausted(set, taken));
  const set = rangeSets[exhausted];
  if (!set) return;
  throw unavailable(`range set ${exhausted} (${formatRangeSet(set)})`, 'has no free address left', 'remove containers or widen the range');
}

function readStore(directory: string): string[] {
  if (!existsSync(directory)) return [];
  // As ADD does: it refuses a store of a newer version.
  ReservationIndex.read(directory);
  return readAddresses(directory);
}

/**
 * Tries what ADD does first where the directory has to be made. In one that is there a trial would make the reservations' index void: it is asked
 * for its permissions and its room.
 */
function requireWritable(directory: string): void {
  let existing = directory;
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
  const object = `address store ${directory}`;
  if (!statSync(existing).isDirectory()) throw unavailable(object, `${existing} is no directory`, 'set ipam.dataDir to a directory');
  try {
    if (existing === directory) refuseWithoutRoom(directory);
    else rmdirSync(mkdtempSync(join(existing, '.host-local-')));
  } catch (cause) {
    throw unavailable(object, `can't be written: ${(cause as Error).message}`, 'set ipam.dataDir to a directory that can', cause);
  }
}

function refuseWithoutRoom(directory: string): void {
  accessSync(directory, constants.W_OK | constants.X_OK);
  const { blocks, bfree, files, ffree } = statfsSync(directory);
  // A file system without a limit says that it has none at all.
  if ((blocks > 0 && bfree === 0) || (files > 0 && ffree === 0)) throw new Error('no space is left on its file system');
}

function isExhausted(set: RangeSet, taken: string[]): boolean {
  const capacity = capacityOf(set);
  if (BigInt(taken.length) < capacity) return false;
  const inSet = taken.filter((text) => {
    const address = parseAddress(text);
    const range = address && rangeOf(set, address);
    return range && address.value !== range.gateway.value;
  });
  return BigInt(inSet.length) >= capacity;
}

function unavailable(object: string, what: string, hint: string, cause?: unknown): CniError {
  return new CniError(errorCodes.notAvailable, what, { object, hint, cause });
}
