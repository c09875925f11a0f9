import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { PluginError } from '@berth/sdk/errors';

/** Standard streams for a process, as descriptors. */
export type StandardStreams = ['ignore' | number, 'ignore' | number, 'ignore' | number];

/** The OCI runtime's own state; only this machine's containers are in it. */
const stateDirectory = '/run/crun';

/** Those that Bun waits for. */
export const runningPrograms = new Set<number>();

/** Runs a subcommand of the OCI runtime to its end. What it prints itself goes to `logFile`: the streams are the container's. */
export async function oci(args: string[], logFile: string, streams: StandardStreams = ['ignore', 'ignore', 'ignore']): Promise<void> {
  const { code, said } = await runOci(args, logFile, streams).ended;
  if (code !== 0) throw new PluginError('INTERNAL', said || `crun ended with status ${code}`, { object: `crun ${args[0]}` });
}

/** Starts a subcommand that stays as long as its process. `said`: the last error in its log. */
export function runOci(args: string[], logFile: string, streams: StandardStreams) {
  rmSync(logFile, { force: true });
  const child = spawn('crun', [`--root=${stateDirectory}`, `--log=${logFile}`, '--log-format=json', '--cgroup-manager=cgroupfs', ...args], {
    stdio: streams,
  });
  const { promise: ended, resolve, reject } = Promise.withResolvers<{ code: number; said: string | undefined }>();
  const { pid } = child;
  if (pid !== undefined) runningPrograms.add(pid);
  child.once('error', reject);
  child.once('exit', (code, signal) => {
    if (pid !== undefined) runningPrograms.delete(pid);
    resolve({ code: code ?? (signal === null ? 255 : 137), said: lastError(logFile) });
  });
  return { ended, child };
}

function lastError(logFile: string): string | undefined {
  if (!existsSync(logFile)) return undefined;
  const lines = readFileSync(logFile, 'utf8').trim().split('\n').filter(Boolean);
  return lines.map((line) => (JSON.parse(line) as { msg?: string }).msg).findLast((message) => message !== undefined);
}
