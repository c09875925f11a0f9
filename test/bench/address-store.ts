import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The store of one network of host-local. */
export class AddressStore {
  readonly #directory: string;

  constructor(dataDir: string, network: string) {
    this.#directory = join(dataDir, network);
  }

  /** The addresses that are reserved: all files but the lock, the last addresses given out and what a plugin keeps for itself. */
  addresses(): string[] {
    return readdirSync(this.#directory).filter((name) => /^\d+\.\d+\.\d+\.\d+$/.test(name));
  }

  /** Reserves so many addresses of a /16, from its .0.2 on, each for a container of its own, as the reference plugin writes them. */
  fill(prefix: string, count: number): void {
    mkdirSync(this.#directory, { recursive: true });
    for (let host = 2; host < count + 2; host++) {
      writeFileSync(join(this.#directory, `${prefix}.${host >> 8}.${host & 255}`), `${containerId(host)}\r\neth0`);
    }
  }

  /** Lets the next search begin at this address. */
  searchFrom(address: string): void {
    writeFileSync(join(this.#directory, 'last_reserved_ip.0'), address);
  }

  /** Changes the directory and leaves it as it was, as an ADD and a DEL of another plugin do. */
  touch(): void {
    const file = join(this.#directory, 'touched');
    writeFileSync(file, '');
    rmSync(file);
  }
}

/** As long as a runtime's. */
function containerId(host: number): string {
  return host.toString(16).padStart(64, '0');
}
