import { existsSync, readFileSync, rmSync } from 'node:fs';
import { PluginError } from '@berth/sdk/errors';
import type { Directories } from '../configuration/directories.ts';
import { type Baseline, restoreBaseline, takeBaseline } from './baseline.ts';

/** Takes the host back, at a node's end, to what it was at the node's start. */
export class HostGuard {
  private readonly baseline: Baseline | undefined;
  private readonly bridge: string;
  private readonly made: string[];

  private constructor(baseline: Baseline | undefined, bridge: string, made: string[]) {
    this.baseline = baseline;
    this.bridge = bridge;
    this.made = made;
  }

  /**
   * Looks at the host before anything is done to it. `ephemeral` directories that don't exist are remembered, to be
   * removed. Where the process isn't root nothing of the host can change, and nothing is looked at.
   */
  static begin(directories: Directories, bridge: string, ephemeral: boolean): HostGuard {
    const baseline = process.getuid?.() === 0 ? takeBaseline() : undefined;
    const made = ephemeral ? [directories.root, directories.run].filter((directory) => !existsSync(directory)) : [];
    return new HostGuard(baseline, bridge, made);
  }

  /** Undoes; the node's pods and processes have ended before. */
  end(): void {
    if (this.baseline) restoreBaseline(this.baseline, [this.bridge]);
    for (const directory of this.made) removeDirectory(directory);
  }
}

/** Never removes through a mount: what is mounted there may be somebody's volume. */
function removeDirectory(directory: string): void {
  const mounted = mountPoints().find((path) => path.startsWith(`${directory}/`));
  if (mounted)
    throw new PluginError('FAILED_PRECONDITION', `${mounted} is still mounted`, {
      object: directory,
      hint: `unmount it, then remove ${directory}`,
    });
  rmSync(directory, { recursive: true, force: true });
}

function mountPoints(): string[] {
  if (!existsSync('/proc/self/mountinfo')) return [];
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .flatMap((line) => line.split(' ')[4] ?? []);
}
