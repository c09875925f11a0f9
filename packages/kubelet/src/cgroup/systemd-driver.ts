import { join } from 'node:path';
import { runProgram } from '../run-program.ts';
import type { CgroupDriver, CgroupName } from './cgroup-driver.ts';
import type { CgroupFiles } from './cgroup-files.ts';
import type { CgroupValues } from './cgroup-values.ts';
import { sliceProperties } from './slice-properties.ts';

/** Longest that systemd may take to stop an empty slice, at the end of a node. */
const stopDeadlineMs = 10_000;
const suffix = '.slice';

type Systemctl = (args: string[], signal: AbortSignal) => Promise<void>;

/** Slices that systemd makes and removes: `['berth', 'kubepods', 'pod1-2']` is `berth-kubepods-pod1_2.slice` in `berth.slice/berth-kubepods.slice`. */
export class SystemdDriver implements CgroupDriver {
  readonly #files: CgroupFiles;
  readonly #systemctl: Systemctl;

  constructor(files: CgroupFiles, systemctl: Systemctl = (args, signal) => runProgram('systemctl', args, signal)) {
    this.#files = files;
    this.#systemctl = systemctl;
  }

  pathOf(name: CgroupName): string {
    return join('/', ...slices(name));
  }

  /** systemd is told the values, lest it set its own when it is reloaded; what it has no word for goes to the files. A slice needs no unit file to be started. */
  async apply(name: CgroupName, values: CgroupValues, signal: AbortSignal): Promise<void> {
    const slice = sliceOf(name);
    if (slice === undefined) return;
    await this.#systemctl(['start', slice], signal);
    const properties = sliceProperties(values, this.#files.isUnified);
    if (properties.length > 0) await this.#systemctl(['set-property', '--runtime', slice, ...properties], signal);
    await this.#files.make(this.pathOf(name));
    await this.#files.write(this.pathOf(name), values);
  }

  /** Runtimes leave what systemd doesn't see in hierarchies that are none of its. */
  async remove(name: CgroupName, signal: AbortSignal): Promise<void> {
    const slice = sliceOf(name);
    if (slice === undefined) return;
    await this.#systemctl(['stop', slice], signal);
    await this.#files.remove(this.pathOf(name));
  }

  /** To stop a slice is to stop all in it. */
  async removeEmpty(name: CgroupName): Promise<void> {
    const slice = sliceOf(name);
    if (slice === undefined || !(await this.has(name)) || (await this.#files.children(this.pathOf(name))).length > 0) return;
    await this.#systemctl(['stop', slice], AbortSignal.timeout(stopDeadlineMs)).catch(() => {});
    await this.#files.removeEmpty(this.pathOf(name));
  }

  async children(name: CgroupName): Promise<string[]> {
    const prefix = sliceOf(name)?.replace(/\.slice$/, '-') ?? '';
    const slicesBelow = (await this.#files.children(this.pathOf(name))).filter(
      (child) => child.startsWith(prefix) && child.endsWith(suffix),
    );
    return slicesBelow.map((child) => child.slice(prefix.length, -suffix.length).replaceAll('_', '-'));
  }

  isBusy(name: CgroupName): Promise<boolean> {
    return this.#files.isBusy(this.pathOf(name));
  }

  has(name: CgroupName): Promise<boolean> {
    return this.#files.has(this.pathOf(name));
  }
}

function sliceOf(name: CgroupName): string | undefined {
  return slices(name).at(-1);
}

/** The slices of a path, outermost first. A dash stands for one level (systemd.slice(5)), so that no part may have its own. */
function slices(name: CgroupName): string[] {
  const escaped = name.map((part) => part.replaceAll('-', '_'));
  return escaped.map((_, index) => `${escaped.slice(0, index + 1).join('-')}${suffix}`);
}
