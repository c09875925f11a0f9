import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { writeWholeFile } from '../files/write-whole-file.ts';
import { baselineSchema } from './baseline.ts';

const nodeEntry = z.object({
  /** Its host-baseline.json. */
  file: z.string(),
  bootId: z.string(),
  root: z.string(),
  process: z.object({ pid: z.number(), startTicks: z.number() }),
  /** Undefined: it makes no cgroups. */
  cgroupRoot: z.string().optional(),
  bridge: z.string(),
  /** Undefined: its network is of somebody else's configuration. */
  subnet: z.string().optional(),
  baseline: baselineSchema,
});

/** A node of this host that has something to undo; it may have ended, and left its pods to the next one with its directories. */
export type NodeEntry = z.infer<typeof nodeEntry>;

/**
 * The nodes of this host that have something to undo, whichever their directories: a file for each, which is there also once
 * somebody has removed those. A node that starts while another runs would take what that one has changed for the host's own.
 */
export class NodeRegistry {
  readonly #directory: string;

  constructor(directory = '/run/berth-nodes') {
    this.#directory = directory;
  }

  enter(entry: NodeEntry): void {
    writeWholeFile(this.#pathOf(entry.file), JSON.stringify(entry), { mode: 0o644, directoryMode: 0o755 });
  }

  /** Takes a node out, named by its baseline file; the last one takes the registry with it. */
  leave(file: string): void {
    rmSync(this.#pathOf(file), { force: true });
    try {
      rmdirSync(this.#directory);
    } catch (error) {
      if (!['ENOENT', 'ENOTEMPTY'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }

  /** The nodes but the one of that baseline file. What can't be read is left out. */
  others(file: string): NodeEntry[] {
    return this.#entries().filter((entry) => entry.file !== file);
  }

  #entries(): NodeEntry[] {
    try {
      return readdirSync(this.#directory).flatMap((name) => readEntry(join(this.#directory, name)) ?? []);
    } catch {
      return [];
    }
  }

  #pathOf(file: string): string {
    return join(this.#directory, createHash('sha256').update(dirname(file)).digest('hex').slice(0, 16));
  }
}

function readEntry(path: string): NodeEntry | undefined {
  try {
    return nodeEntry.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return undefined;
  }
}
