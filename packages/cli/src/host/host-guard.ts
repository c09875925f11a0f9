import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { mountPointsSync } from '@berth/shim/mount-points';
import { z } from 'zod';
import type { Directories } from '../configuration/directories.ts';
import { writeWholeFile } from '../files/write-whole-file.ts';
import { type Baseline, baselineSchema, earliestBaseline, removeLeftovers, restoreSwitches, takeBaseline } from './baseline.ts';
import { type NodeEntry, NodeRegistry } from './node-registry.ts';
import { isRunning, ownProcess } from './process-identity.ts';
import { type HostClaim, refuseSharing } from './refuse-sharing.ts';

/** What is to be undone on the host, and of which boot it tells. */
interface Remembered {
  bootId: string;
  baseline: Baseline;
  /** Directories that didn't exist, to be removed. */
  made: string[];
  /** Bridges of nodes that nobody can end any more, to be removed as this one's own is. */
  abandoned?: string[] | undefined;
}

/** What a node makes on its host. */
interface GuardOptions extends HostClaim {
  /** Directories that don't exist are remembered, to be removed. */
  ephemeral: boolean;
}

const remembered: z.ZodType<Remembered> = z.object({
  bootId: z.string(),
  baseline: baselineSchema,
  made: z.array(z.string()),
  abandoned: z.array(z.string()).optional(),
});

/**
 * Takes the host back, at a node's end, to what it was at the node's start. What that was stands in
 * RUN/host-baseline.json: a node that takes over the pods of an earlier one (killed, or ended with --keep) takes over
 * what there is to undo as well.
 */
export class HostGuard {
  readonly #file: string;
  readonly #bridge: string;
  readonly #remembered: Remembered;
  readonly #registry: NodeRegistry;

  private constructor(file: string, bridge: string, remembered: Remembered, registry: NodeRegistry) {
    this.#file = file;
    this.#bridge = bridge;
    this.#remembered = remembered;
    this.#registry = registry;
  }

  /**
   * Looks at the host before anything is done to it; ALREADY_EXISTS where another node runs with what this one is to have for itself.
   * A process that isn't root changes nothing of the host but its directories.
   */
  static begin(directories: Directories, { ephemeral, ...claim }: GuardOptions, registry = new NodeRegistry()): HostGuard {
    const file = join(directories.run, 'host-baseline.json');
    const others = isRoot() ? othersOf(file, registry) : [];
    refuseSharing(claim, others.filter(runs));
    const earlier = readRemembered(file, claim.bridge);
    const found = earlier ?? {
      bootId: bootId(),
      made: ephemeral ? [directories.root, directories.run].filter((directory) => !existsSync(directory)) : [],
      ...(isRoot() ? firstLook(claim.bridge, others) : { baseline: nothing }),
    };
    if (!earlier) writeWholeFile(file, JSON.stringify(found), { mode: 0o600, directoryMode: 0o700 });
    if (!earlier) for (const each of others.filter(isAbandoned)) registry.leave(each.file);
    const { baseline } = found;
    if (isRoot()) registry.enter({ ...claim, file, bootId: bootId(), root: directories.root, process: ownProcess(), baseline });
    return new HostGuard(file, claim.bridge, found, registry);
  }

  /** Undoes; the node's pods and processes have ended before. What other nodes still need is left to the last of them. */
  end(): void {
    if (isRoot()) this.#takeHostBack();
    rmSync(this.#file, { force: true });
    for (const directory of this.#remembered.made) removeDirectory(directory);
  }

  /** Of nodes that end at once, the last one to leave the registry finds nothing of the others any more, and sets the switches back. */
  #takeHostBack(): void {
    const { baseline, abandoned = [] } = this.#remembered;
    removeLeftovers(baseline, [this.#bridge, ...abandoned]);
    this.#registry.leave(this.#file);
    if (othersOf(this.#file, this.#registry).every(isAbandoned)) restoreSwitches(baseline);
  }
}

const nothing: Baseline = { links: [], tables: [], sysctls: {} };

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Of this boot. */
function othersOf(file: string, registry: NodeRegistry): NodeEntry[] {
  return registry.others(file).filter((entry) => entry.bootId === bootId());
}

function runs({ process: identity }: NodeEntry): boolean {
  return isRunning(identity);
}

/** It has ended, and what it remembered was removed: no node with its directories undoes what it has left. */
function isAbandoned(entry: NodeEntry): boolean {
  return !runs(entry) && !existsSync(entry.file);
}

/** What other nodes have changed isn't the host's own, and what nobody else will remove is this one's to remove. */
function firstLook(bridge: string, others: readonly NodeEntry[]): Pick<Remembered, 'baseline' | 'abandoned'> {
  const found = takeBaseline([bridge]);
  const left = others.filter((entry) => isAbandoned(entry) && !entry.baseline.links.includes(entry.bridge)).map((entry) => entry.bridge);
  return {
    baseline: earliestBaseline(
      found,
      others.map((entry) => ({ ...entry, runs: runs(entry) })),
    ),
    abandoned: found.links.filter((link) => left.includes(link)),
  };
}

/** Undefined for a file that isn't there, or that tells of the host before a reboot. */
function readRemembered(file: string, bridge: string): Remembered | undefined {
  if (!existsSync(file)) return undefined;
  const earlier = parse(file, bridge);
  return earlier.bootId === bootId() ? earlier : undefined;
}

/** A damaged file isn't passed over: what an earlier node left would be taken for the host's own, and stay. */
function parse(file: string, bridge: string): Remembered {
  try {
    return remembered.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (cause) {
    throw new PluginError('DATA_LOSS', "it is damaged, so it can't say what the host was like before the last node with this directory", {
      object: file,
      hint: `remove it; if that node has left its bridge, remove that too: ip link delete ${bridge}`,
      cause,
    });
  }
}

function bootId(): string {
  const file = '/proc/sys/kernel/random/boot_id';
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
}

/** Never removes through a mount: what is mounted there may be somebody's volume. */
function removeDirectory(directory: string): void {
  const mounted = [...mountPointsSync()].find((path) => path.startsWith(`${directory}/`));
  if (mounted) {
    throw new PluginError('FAILED_PRECONDITION', `${mounted} is still mounted`, {
      object: directory,
      hint: `unmount it, then remove ${directory}`,
    });
  }
  rmSync(directory, { recursive: true, force: true });
}
