import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Address } from '@berth/sdk/cni/address';
import { formatAddress, parseAddress } from '@berth/sdk/cni/address';
import { CniError, errorCodes } from '@berth/sdk/cni/types';
import { withFlock } from './flock.ts';

/** Who holds an address. */
export interface Holder {
  containerId: string;
  ifName: string;
}

/**
 * The reserved addresses of one network, in the files of the reference plugin: `DATADIR/NETWORK/ADDRESS` holds
 * `CONTAINER\r\nINTERFACE`, `last_reserved_ip.N` the address that range set N gave out last, and `lock` is locked by
 * whoever reads or changes them. Both plugins may work on one directory at once.
 */
export class Store {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** Runs `work` on the store of `network`, which is created if missing, under its lock. */
  static use<T>(dataDir: string, network: string, work: (store: Store) => T): T {
    const directory = join(dataDir, network);
    try {
      mkdirSync(directory, { recursive: true, mode: 0o755 });
      return withFlock(join(directory, 'lock'), () => work(new Store(directory)));
    } catch (thrown) {
      if (thrown instanceof CniError) throw thrown;
      throw new CniError(errorCodes.ioFailure, (thrown as Error).message, { object: `address store ${directory}`, cause: thrown });
    }
  }

  /** Reserves `address`; false where it is taken. After a crash the file either isn't there or is whole. */
  reserve(address: Address, { containerId, ifName }: Holder, rangeSet: number): boolean {
    const text = formatAddress(address);
    const draft = this.#path('.draft');
    rmSync(draft, { force: true });
    writeFileSync(draft, `${containerId}\r\n${ifName}`, { flag: 'wx', mode: 0o644 });
    try {
      linkSync(draft, this.#path(text));
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw thrown;
    } finally {
      rmSync(draft, { force: true });
    }
    writeFileSync(this.#path(`last_reserved_ip.${rangeSet}`), text, { mode: 0o644 });
    return true;
  }

  /** The addresses that somebody holds, as text. */
  taken(): Set<string> {
    return new Set(this.#addressFiles());
  }

  /** The address that a range set gave out last, if known. */
  lastReserved(rangeSet: number): Address | undefined {
    return parseAddress(this.#read(`last_reserved_ip.${rangeSet}`)?.trim());
  }

  /** The addresses that `holder` has. */
  heldBy(holder: Holder): Address[] {
    return this.#filesOf(holder).flatMap((name) => parseAddress(name) ?? []);
  }

  /** Gives back all that `holder` has; nothing is no error. */
  release(holder: Holder): void {
    for (const name of this.#filesOf(holder)) rmSync(this.#path(name), { force: true });
  }

  /** Old versions of the reference plugin wrote the container alone, which holds whatever the interface. */
  #filesOf({ containerId, ifName }: Holder): string[] {
    const contents = this.#addressFiles().map((name) => ({ name, text: this.#read(name)?.trim() }));
    const named = contents.filter(({ text }) => text === `${containerId}\r\n${ifName}`);
    const found = named.length > 0 ? named : contents.filter(({ text }) => text === containerId);
    return found.map(({ name }) => name);
  }

  #addressFiles(): string[] {
    return readdirSync(this.#directory).filter((name) => /^[0-9a-f.:]+$/i.test(name));
  }

  #read(name: string): string | undefined {
    try {
      return readFileSync(this.#path(name), 'utf8');
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw thrown;
    }
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}
