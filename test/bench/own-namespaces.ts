import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { foreground } from '../../setup/foreground.mjs';
import { interruptible } from './interruption.ts';

/** Tells the bench that it is in its namespaces, and which directory is its own. */
const scratchVariable = 'BERTH_BENCH_SCRATCH';

/**
 * Runs a bench in a network and a mount namespace of its own, with an empty directory. The kernel takes what was made there away, links, rules
 * and mounts, when the bench ends, however it does. Needs root and unshare(1).
 */
export async function inOwnNamespaces(bench: (scratch: string) => Promise<void>): Promise<void> {
  const given = process.env[scratchVariable];
  if (given !== undefined) return interruptible(() => bench(given));
  if (process.getuid?.() !== 0) throw new Error('this bench needs root: it makes network namespaces');
  const scratch = mkdtempSync(join(tmpdir(), 'berth-bench-'));
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  try {
    process.exitCode = await foreground('unshare', ['--net', '--mount', ...again], { ...process.env, [scratchVariable]: scratch });
  } finally {
    rmSync(scratch, { recursive: true });
  }
}
