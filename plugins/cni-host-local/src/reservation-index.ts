import { closeSync, constants, ftruncateSync, openSync, rmSync, statSync, utimesSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { AttachmentName } from '@berth/sdk/cni/plugin';
import { CniError, errorCodes } from '@berth/sdk/cni/types';
import { readIfThere } from './read-if-there.ts';
import type { Reservation } from './reservation.ts';

const fileName = '.index';
const format = 'berth-host-local';
/** Raised when the store's other files come to mean something else. */
const version = 1;
/** Of the first line, whatever its numbers are. */
const headLength = 128;
/** To read the files of fewer addresses takes no longer than to write an index of them. */
const fewestLines = 16;

/**
 * Who holds which address, in one file of the store: reading the files of all addresses takes a quarter of a second where there are 60,000.
 * Only advice: it counts while the directory's time of change is the one that it was written for, so that whatever another program or a crash
 * has changed makes it void, and only until the next boot, since a power cut may have kept one file and lost another.
 *
 * The first line holds format, version, boot, inode and time of the directory, and the length of the rest, filled up with blanks. Then comes a
 * line for each reservation: `ADDRESS CONTAINER INTERFACE`, without the last in those of old versions of the reference plugin.
 */
export class ReservationIndex {
  readonly #directory: string;
  #lines: string;

  private constructor(directory: string, lines: string) {
    this.#directory = directory;
    this.#lines = lines;
  }

  /** Reads it; undefined where it doesn't count. Throws a CniError (code 6) where a newer version of this plugin has written the store. */
  static read(directory: string): ReservationIndex | undefined {
    const text = readIfThere(join(directory, fileName));
    if (text === undefined) return undefined;
    const head = text.slice(0, headLength);
    const lines = text.slice(headLength);
    refuseNewer(head, directory);
    return head === headOf(directory, lines) ? new ReservationIndex(directory, lines) : undefined;
  }

  static of(directory: string, reservations: Iterable<[address: string, Reservation]>): ReservationIndex {
    let lines = '';
    for (const [address, reservation] of reservations) lines += line(address, reservation);
    return new ReservationIndex(directory, lines);
  }

  /** The addresses of this container and interface, as text; those of the container alone where they have none. */
  addressesOf({ containerId, ifName }: AttachmentName): string[] {
    const named = this.#linesOf({ containerId, ifName });
    return (named.length > 0 ? named : this.#linesOf({ containerId })).map(({ address }) => address);
  }

  add(address: string, holder: AttachmentName): void {
    this.#lines += line(address, holder);
  }

  remove(address: string, reservation: Reservation): void {
    const found = this.#linesOf(reservation).find((other) => other.address === address);
    if (found) this.#lines = this.#lines.slice(0, found.start) + this.#lines.slice(found.end);
  }

  /**
   * Writes it, for the directory as it is; one of few reservations is removed. It is only advice: where it can't be written, the next call does
   * without.
   */
  save(): void {
    try {
      if (this.#isWorthIt()) this.#write();
      else rmSync(join(this.#directory, fileName), { force: true });
    } catch {}
  }

  /** The head comes last: one that a crash has kept from being written is still for another time of the directory. */
  #write(): void {
    const descriptor = openSync(join(this.#directory, fileName), constants.O_RDWR | constants.O_CREAT, 0o644);
    try {
      setOwnTime(this.#directory);
      const length = writeSync(descriptor, this.#lines, headLength);
      ftruncateSync(descriptor, headLength + length);
      writeSync(descriptor, headOf(this.#directory, this.#lines), 0);
    } finally {
      closeSync(descriptor);
    }
  }

  #isWorthIt(): boolean {
    let at = -1;
    for (let count = 0; count < fewestLines; count++) {
      at = this.#lines.indexOf('\n', at + 1);
      if (at < 0) return false;
    }
    return true;
  }

  #linesOf(reservation: Reservation): { address: string; start: number; end: number }[] {
    const ending = ` ${holderText(reservation)}\n`;
    const found = [];
    for (let at = this.#lines.indexOf(ending); at >= 0; at = this.#lines.indexOf(ending, at + 1)) {
      const start = this.#lines.lastIndexOf('\n', at) + 1;
      const address = this.#lines.slice(start, at);
      // A line with an interface may end like one without.
      if (!address.includes(' ')) found.push({ address, start, end: at + ending.length });
    }
    return found;
  }
}

function line(address: string, reservation: Reservation): string {
  return `${address} ${holderText(reservation)}\n`;
}

function holderText({ containerId, ifName }: Reservation): string {
  return ifName === undefined ? containerId : `${containerId} ${ifName}`;
}

/** A time in the past that no other change has: the clock of files has steps, within which two changes get the same time. */
function setOwnTime(directory: string): void {
  const time = Date.now() / 1000 - 1 - Math.random();
  utimesSync(directory, time, time);
}

function headOf(directory: string, lines: string): string {
  const { ino, mtimeNs } = statSync(directory, { bigint: true });
  return `${[format, version, bootId(), ino, mtimeNs, lines.length].join(' ').padEnd(headLength - 1)}\n`;
}

function refuseNewer(head: string, directory: string): void {
  const written = new RegExp(`^${format} (\\d+) `).exec(head)?.[1];
  if (written === undefined || Number(written) <= version) return;
  throw new CniError(errorCodes.decodingFailure, `was written by a newer version of host-local (format ${written}, not ${version})`, {
    object: `address store ${directory}`,
    hint: 'update this plugin',
  });
}

function bootId(): string {
  return readIfThere('/proc/sys/kernel/random/boot_id')?.trim() ?? 'unknown';
}
