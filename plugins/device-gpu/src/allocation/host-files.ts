import { statSync } from 'node:fs';
import type { HostRoot } from '../host-root.ts';
import { type AllocationFiles, controlDevices, devicesOf, driverMounts } from './container-files.ts';
import { type DriverFile, findDriverFiles } from './driver-files.ts';

/** What the linker's programs write whenever libraries come or go. */
const linkerCache = '/etc/ld.so.cache';

interface HostFilesRules {
  /** Whether containers get the driver's libraries and programs. */
  driverFiles: boolean;
  libraryDirectory?: string | undefined;
}

/** The files of a host that containers get with GPUs. */
export class HostFiles {
  readonly #host: HostRoot;
  readonly #rules: HostFilesRules;
  #driver: { of: bigint | undefined; files: DriverFile[] } | undefined;

  constructor(host: HostRoot, rules: HostFilesRules) {
    this.#host = host;
    this.#rules = rules;
  }

  /** As they are now. */
  async now(signal: AbortSignal): Promise<AllocationFiles> {
    const files = this.#rules.driverFiles ? await this.#driverFiles(signal) : [];
    return {
      control: controlDevices(this.#host),
      ofUnit: (unit) => devicesOf(this.#host, unit),
      mounts: driverMounts(this.#host, files, this.#rules.libraryDirectory),
    };
  }

  /** Looked for anew when the linker's cache is another one. */
  async #driverFiles(signal: AbortSignal): Promise<DriverFile[]> {
    const written = statSync(this.#host.path(linkerCache), { bigint: true, throwIfNoEntry: false })?.mtimeNs;
    if (this.#driver === undefined || written === undefined || this.#driver.of !== written) {
      this.#driver = { of: written, files: await findDriverFiles(this.#host, signal) };
    }
    return this.#driver.files;
  }
}
