import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { PluginError } from '@berth/sdk/errors';
import type { Calls } from '../calls.ts';
import { exitCodeOf } from '../exit-code.ts';
import { explainFullDisk, explainProgramFailure } from '../files/full-disk.ts';
import { pidIn } from '../process/owned-pid.ts';
import type { ExecProcess, ProcessStreams } from '../runtime.ts';
import type { OciCommand } from './command.ts';
import type { OciConfig } from './config-json.ts';
import { type ExecStdio, pipes, terminal } from './exec-stdio.ts';
import type { BundledContainer } from './monitored.ts';
import { kill } from './process-signal.ts';

/** Longest that an OCI runtime may take to name the process that it has started, and to end after that was killed. */
const endDeadlineMs = 2000;

/** Processes that are run in a container besides its first one: `exec` of an OCI runtime, which stays until the process ends. */
export class Exec {
  readonly #oci: OciCommand;
  readonly #calls: Calls;

  constructor(oci: OciCommand, calls: Calls) {
    this.#oci = oci;
    this.#calls = calls;
  }

  /** As Runtime.exec. */
  async run(container: BundledContainer, process: ExecProcess, streams: ProcessStreams, signal: AbortSignal): Promise<number> {
    const description = {
      protocol: 'oci',
      plugin: this.#oci.name,
      method: 'exec',
      subject: container.name,
      sandboxId: container.sandboxId,
    } as const;
    return this.#calls.record(description, () => this.#run(container, process, streams, signal));
  }

  async #run(container: BundledContainer, process: ExecProcess, streams: ProcessStreams, signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    const object = `command ${JSON.stringify(process.args[0])} in container ${container.name}`;
    try {
      return await this.#runIn(await mkdtemp(join(container.bundle, 'exec-')), container, process, streams, signal, object);
    } catch (error) {
      throw explainFullDisk(error, container.bundle, object);
    }
  }

  async #runIn(
    directory: string,
    container: BundledContainer,
    process: ExecProcess,
    streams: ProcessStreams,
    signal: AbortSignal,
    object: string,
  ): Promise<number> {
    const [processFile, pidFile, logFile] = ['process.json', 'pid', 'log'].map((name) => join(directory, name)) as [string, string, string];
    try {
      await writeFile(processFile, JSON.stringify(await processOf(container.bundle, process)), { mode: 0o600 });
      const args = [...this.#oci.globalArguments(logFile), 'exec', '--process', processFile, '--pid-file', pidFile, container.id];
      const stdio = process.tty ? terminal(streams) : pipes(streams);
      const exitCode = await runToEnd(this.#oci.binary, args, pidFile, stdio, signal);
      if (exitCode === 0 || (await pidIn(pidFile)) !== undefined) return exitCode;
      const why = (await this.#oci.lastError(logFile)) ?? `${this.#oci.name} ended with status ${exitCode}`;
      throw await explainProgramFailure(new PluginError('INTERNAL', why, { object }), directory, object);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }
}

/** The container's own process description with other arguments, and TERM where it has a terminal. */
async function processOf(bundle: string, { args, tty = false }: ExecProcess): Promise<OciConfig['process']> {
  const { process } = JSON.parse(await readFile(join(bundle, 'config.json'), 'utf8')) as OciConfig;
  const env = tty && !process.env.some((variable) => variable.startsWith('TERM=')) ? [...process.env, 'TERM=xterm'] : process.env;
  return { ...process, terminal: tty, args, env };
}

/** Runs the OCI runtime's `exec` with this stdio. On abort it kills what that started, and throws the reason. */
async function runToEnd(binary: string, args: string[], pidFile: string, stdio: ExecStdio, signal: AbortSignal): Promise<number> {
  const child = start(binary, args, stdio);
  const killed = new AbortController();
  const endProcess = (): void => void killProcess(child, pidFile).finally(() => killed.abort());
  signal.addEventListener('abort', endProcess, { once: true });
  try {
    const [exitCode] = await Promise.all([exitOf(child, binary), stdio.join(child, killed.signal)]);
    signal.throwIfAborted();
    return exitCode;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', endProcess);
  }
}

function start(binary: string, args: string[], stdio: ExecStdio): ChildProcess {
  try {
    return spawn(binary, args, { stdio: stdio.descriptors });
  } finally {
    stdio.closeDescriptors();
  }
}

async function exitOf(child: ChildProcess, binary: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  child.once('error', (cause) => reject(PluginError.from(cause, 'FAILED_PRECONDITION', { object: binary })));
  child.once('exit', (code, signal) => resolve(code ?? exitCodeOf(signal ?? 'SIGKILL')));
  return promise;
}

/** Kills the process with the group that it leads, and sees to it that the OCI runtime ends after it. */
async function killProcess(child: ChildProcess, pidFile: string): Promise<void> {
  const running = (): boolean => child.exitCode === null && child.signalCode === null;
  const deadline = Date.now() + endDeadlineMs;
  // Killed before it has written the pid, the OCI runtime could leave a process that nobody knows.
  let pid = await pidIn(pidFile);
  for (; pid === undefined && running() && Date.now() < deadline; pid = await pidIn(pidFile)) await delay(10);
  if (pid !== undefined && running()) kill(-pid, 'SIGKILL');
  while (running() && Date.now() < deadline) await delay(10);
  child.kill('SIGKILL');
}
