import { existsSync, linkSync, lstatSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Address } from '@berth/sdk/cni/address';
import { formatAddress, parseAddress } from '@berth/sdk/cni/address';
import { invalid } from '@berth/sdk/cni/keys';
import type { AttachmentName } from '@berth/sdk/cni/plugin';
import { CniError, errorCodes } from '@berth/sdk/cni/types';
import { readAddresses } from './address-files.ts';
import type { Taken } from './free-address.ts';
import { withLock } from './lock.ts';
import { readIfThere } from './read-if-there.ts';
import type { AddressFile, Reservation } from './reservation.ts';
import { formatReservation, parseReservation } from './reservation.ts';
import { ReservationIndex } from './reservation-index.ts';

/** How many files are read before other calls of this process get their turn: some 10 ms. */
const filesAtOnce = 2000;
const draftName = '.draft';

/**
 * The reserved addresses of one network, in the files of the reference plugin: `DATADIR/NETWORK/ADDRESS` holds
 * `CONTAINER\r\nINTERFACE`, `last_reserved_ip.N` the address that range set N gave out last, and `lock` is locked by
 * whoever reads or changes them. Both plugins may work on one directory at once.
 */
export class Store {
  readonly #directory: string;
  #index: ReservationIndex | undefined;
  #indexIsOld = false;

  private constructor(directory: string) {
    this.#directory = directory;
    this.#index = ReservationIndex.read(directory);
  }

  /** Runs `work` on the store of `network`, which is created if missing, under its lock. Refuses one that a newer version has written. */
  static async use<T>(dataDir: string, network: string, work: (store: Store) => Promise<T>): Promise<T> {
    const directory = join(dataDir, network);
    try {
      makeDirectory(directory);
      return await withLock(join(directory, 'lock'), async () => {
        const store = new Store(directory);
        try {
          return await work(store);
        } finally {
          store.#saveIndex();
        }
      });
    } catch (thrown) {
      if (thrown instanceof CniError) throw thrown;
      if ((thrown as NodeJS.ErrnoException).code === 'ENAMETOOLONG') {
        throw invalid('network name', 'is too long for the name of a directory', 'use at most 255 characters');
      }
      const hint = 'see that it can be read and written and has room, or set ipam.dataDir to another directory';
      throw new CniError(errorCodes.ioFailure, (thrown as Error).message, { object: `address store ${directory}`, hint, cause: thrown });
    }
  }

  /** Reserves `address`; false where it is taken. After a crash the file either isn't there or is whole. */
  async reserve(address: Address, holder: AttachmentName, rangeSet: number): Promise<boolean> {
    const index = await this.#reservations();
    const text = formatAddress(address);
    if (!this.#createAddressFile(text, holder)) return false;
    this.#indexIsOld = true;
    index.add(text, holder);
    writeFileSync(this.#path(`last_reserved_ip.${rangeSet}`), text, { mode: 0o644 });
    return true;
  }

  /** Which addresses have a file, whoever holds them. */
  taken(): Taken {
    return {
      // A symbolic link to nothing takes the address, too.
      has: (address) => lstatSync(this.#path(address), { throwIfNoEntry: false }) !== undefined,
      all: () => new Set(readAddresses(this.#directory)),
    };
  }

  /** The address that a range set gave out last, if known. */
  lastReserved(rangeSet: number): Address | undefined {
    return parseAddress(this.#read(`last_reserved_ip.${rangeSet}`)?.trim());
  }

  /** The addresses that `holder` has, as text. */
  async heldBy(holder: AttachmentName): Promise<string[]> {
    const told = (await this.#reservations()).addressesOf(holder);
    if (told.every((address) => this.#isHeldBy(address, holder))) return told;
    // Somebody has written into a file of the directory, which leaves the directory's time as it was.
    this.#index = await this.#scan();
    return this.#index.addressesOf(holder);
  }

  /** Gives back all that `holder` has; nothing is no error. */
  async release(holder: AttachmentName): Promise<void> {
    this.#removeDraft();
    const held = await this.heldBy(holder);
    for (const address of held) await this.#remove(address);
  }

  /**
   * Gives back every address whose holder isn't one of `valid`, and those that a crash has left without one. What can't be read as a
   * reservation stays.
   */
  async releaseAllBut(valid: AttachmentName[]): Promise<void> {
    this.#removeDraft();
    const reservations = new Set(valid.map(formatReservation));
    const containers = new Set(valid.map(({ containerId }) => containerId));
    const isValid = ({ containerId, ifName }: Reservation) =>
      ifName === undefined ? containers.has(containerId) : reservations.has(formatReservation({ containerId, ifName }));
    const kept: [string, Reservation][] = [];
    for (const [address, file] of await this.#addressFiles()) {
      if (file === 'unknown') continue;
      if (file !== 'empty' && isValid(file)) kept.push([address, file]);
      else rmSync(this.#path(address), { force: true });
    }
    this.#index = ReservationIndex.of(this.#directory, kept);
    this.#indexIsOld = true;
  }

  async #remove(address: string): Promise<void> {
    const file = this.#addressFile(address);
    rmSync(this.#path(address), { force: true });
    this.#indexIsOld = true;
    if (typeof file === 'object') (await this.#reservations()).remove(address, file);
  }

  /** A link appears at once with its content, and never instead of a file that is there. */
  #createAddressFile(address: string, holder: AttachmentName): boolean {
    const draft = this.#path(draftName);
    this.#removeDraft();
    writeFileSync(draft, formatReservation(holder), { flag: 'wx', mode: 0o644 });
    try {
      linkSync(draft, this.#path(address));
      return true;
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw thrown;
    } finally {
      rmSync(draft, { force: true });
    }
  }

  /** One that a crash has left may be the file of an address too: it is never written into. */
  #removeDraft(): void {
    const draft = this.#path(draftName);
    if (existsSync(draft)) rmSync(draft);
  }

  /** Old versions of the reference plugin wrote the container alone, which holds whatever the interface. */
  #isHeldBy(address: string, { containerId, ifName }: AttachmentName): boolean {
    const file = this.#addressFile(address);
    return typeof file === 'object' && file.containerId === containerId && (file.ifName ?? ifName) === ifName;
  }

  async #reservations(): Promise<ReservationIndex> {
    this.#index ??= await this.#scan();
    return this.#index;
  }

  async #scan(): Promise<ReservationIndex> {
    const found: [string, Reservation][] = [];
    for (const [address, file] of await this.#addressFiles()) if (typeof file === 'object') found.push([address, file]);
    this.#indexIsOld = true;
    return ReservationIndex.of(this.#directory, found);
  }

  async #addressFiles(): Promise<[address: string, AddressFile][]> {
    const files: [string, AddressFile][] = [];
    for (const [position, address] of readAddresses(this.#directory).entries()) {
      if (position % filesAtOnce === filesAtOnce - 1) await new Promise((resolve) => setImmediate(resolve));
      const file = this.#addressFile(address);
      if (file !== undefined) files.push([address, file]);
    }
    return files;
  }

  #addressFile(address: string): AddressFile | undefined {
    try {
      const text = this.#read(address);
      return text === undefined ? undefined : parseReservation(text);
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'EISDIR') return 'unknown';
      throw thrown;
    }
  }

  #saveIndex(): void {
    if (this.#indexIsOld) this.#index?.save();
  }

  #read(name: string): string | undefined {
    return readIfThere(this.#path(name));
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}

/** Node's own way to make the directories above as well never ends where a file system takes none, as /proc. */
function makeDirectory(directory: string): void {
  if (existsSync(directory)) return;
  makeDirectory(dirname(directory));
  try {
    mkdirSync(directory, { mode: 0o755 });
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
  }
}
