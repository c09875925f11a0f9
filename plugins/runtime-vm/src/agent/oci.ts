import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { constants } from 'node:os';
import { onAbort } from '@berth/sdk/abort';
import { PluginError } from '@berth/sdk/errors';
import { lastErrorMessage } from '@berth/shim/oci/error-log';

/** Standard streams for a process, as descriptors. */
type StandardStreams = ['ignore' | number, 'ignore' | number, 'ignore' | number];

interface OciOptions {
  /** Takes what the OCI runtime itself says: the streams are the container's. */
  logFile: string;
  streams?: StandardStreams;
  /**
   * What the OOM killer is told of what is run. Without it that is as safe from it as the agent, and crun itself gives no score to
   * what it runs in a container that is there already.
   */
  oomScoreAdj?: number;
  /** Kills the OCI runtime. */
  signal?: AbortSignal;
}

/** How a subcommand ended. */
export interface OciEnd {
  code: number;
  /** The last error in its log. */
  error: string | undefined;
}

/** The OCI runtime's own state; only this machine's containers are in it. */
const stateDirectory = '/run/crun';

/** Those that Bun waits for. */
export const runningPrograms = new Set<number>();

/** Runs a subcommand of the OCI runtime, and throws what it says if it fails. */
export async function oci(args: string[], options: OciOptions): Promise<void> {
  const { code, error } = await runOci(args, options);
  if (code !== 0) throw new PluginError('INTERNAL', error ?? `crun ended with status ${code}`, { object: `crun ${args[0]}` });
}

/** Runs a subcommand of the OCI runtime to its end. */
export async function runOci(args: string[], options: OciOptions): Promise<OciEnd> {
  const { logFile, streams = ['ignore', 'ignore', 'ignore'], oomScoreAdj, signal } = options;
  rmSync(logFile, { force: true });
  const crun = ['crun', `--root=${stateDirectory}`, `--log=${logFile}`, '--log-format=json', '--cgroup-manager=cgroupfs', ...args];
  const [program = '', ...programArgs] = oomScoreAdj === undefined ? crun : withOomScore(oomScoreAdj, crun);
  const child = spawn(program, programArgs, { stdio: streams });
  const { pid } = child;
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  if (pid !== undefined) runningPrograms.add(pid);
  child.once('error', reject);
  child.once('exit', (code, by) => resolve(code ?? 128 + constants.signals[by ?? 'SIGKILL']));
  const release = onAbort([signal], () => child.kill('SIGKILL'));
  try {
    const code = await promise;
    return { code, error: existsSync(logFile) ? lastErrorMessage(readFileSync(logFile, 'utf8')) : undefined };
  } finally {
    release();
    if (pid !== undefined) runningPrograms.delete(pid);
  }
}

/** The command that takes the score and becomes `command`: a process which runs already may have given its old one to others. */
function withOomScore(score: number, command: string[]): string[] {
  return ['sh', '-c', 'echo "$0" > /proc/self/oom_score_adj && exec "$@"', String(score), ...command];
}
