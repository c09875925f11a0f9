import { statSync } from 'node:fs';
import type { HostRoot } from '../host-root.ts';
import { type AllocationFiles, controlDevices, devicesOf, driverMounts } from './allocation-files.ts';
import { type DriverFile, findDriverFiles } from './driver-files.ts';

/** What the linker's programs write whenever libraries come or go. */
const linkerCache = '/etc/ld.so.cache';

interface AllocationFileRules {
  /** Whether containers get the driver's libraries and programs. */
  driverFiles: boolean;
  libraryDirectory?: string | undefined;
}

/** Finds the files of a host that containers get with GPUs. */
export class AllocationFileFinder {
  readonly #host: HostRoot;
  readonly #rules: AllocationFileRules;
  #driver: { of: bigint | undefined; files: DriverFile[] } | undefined;

  constructor(host: HostRoot, rules: AllocationFileRules) {
    this.#host = host;
    this.#rules = rules;
  }

  /** As they are now. */
  async current(signal: AbortSignal): Promise<AllocationFiles> {
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
