import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgram } from '../run-program.ts';
import type { PodCgroups } from './pod-cgroups.ts';

/** Longest that systemd may take to stop the root, at the end of a node. */
const stopDeadlineMs = 10_000;

/** Slices that systemd makes and removes, named as kubelet names them: `/berth` and a uid `1-2` give `berth-pod1_2.slice` in `berth.slice`. */
export class SystemdPods implements PodCgroups {
  readonly #root: string[];
  readonly #mount: string;

  /** `root` in cgroupfs notation: `/berth`. */
  constructor(root: string, mount = '/sys/fs/cgroup') {
    this.#root = root.split('/').filter(Boolean);
    this.#mount = mount;
  }

  parentOf(uid: string): string {
    return join('/', ...slices([...this.#root, `pod${uid}`]));
  }

  /** A slice needs no unit file to be started. */
  async create(uid: string, signal: AbortSignal): Promise<void> {
    await runProgram('systemctl', ['start', this.#sliceOf(uid)], signal);
  }

  async remove(uid: string, signal: AbortSignal): Promise<void> {
    await runProgram('systemctl', ['stop', this.#sliceOf(uid)], signal);
  }

  /** To stop a slice is to stop all in it: one that is still in use is somebody else's, too. */
  async removeRoot(): Promise<void> {
    const path = slices(this.#root);
    const slice = path.at(-1);
    if (slice === undefined) return;
    const hierarchy = existsSync(join(this.#mount, 'cgroup.controllers')) ? this.#mount : join(this.#mount, 'systemd');
    const entries = await readdir(join(hierarchy, ...path), { withFileTypes: true }).catch(() => []);
    if (entries.length === 0 || entries.some((entry) => entry.isDirectory())) return;
    await runProgram('systemctl', ['stop', slice], AbortSignal.timeout(stopDeadlineMs)).catch(() => {});
  }

  #sliceOf(uid: string): string {
    return slices([...this.#root, `pod${uid}`]).at(-1) ?? '';
  }
}

/** The slices of a path, outermost first. A dash stands for one level (systemd.slice(5)), so that no part may have its own. */
function slices(parts: string[]): string[] {
  const escaped = parts.map((part) => part.replaceAll('-', '_'));
  return escaped.map((_, index) => `${escaped.slice(0, index + 1).join('-')}.slice`);
}
