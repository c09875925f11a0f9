import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { PluginError } from '@berth/sdk/errors';
import type { Calls } from '../calls.ts';
import { exitCodeOf } from '../exit-code.ts';
import { pidIn } from '../process/owned-pid.ts';
import type { ExecOutput, ExecProcess } from '../runtime.ts';
import { syscalls } from '../syscalls.ts';
import type { OciCommand } from './command.ts';
import type { OciConfig } from './config-json.ts';
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
  async run(container: BundledContainer, process: ExecProcess, output: ExecOutput, signal: AbortSignal): Promise<number> {
    const description = {
      protocol: 'oci',
      plugin: this.#oci.name,
      method: 'exec',
      subject: container.name,
      sandboxId: container.sandboxId,
    } as const;
    return this.#calls.record(description, () => this.#run(container, process, output, signal));
  }

  async #run(container: BundledContainer, process: ExecProcess, output: ExecOutput, signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    const directory = await mkdtemp(join(container.bundle, 'exec-'));
    const [processFile, pidFile, logFile] = ['process.json', 'pid', 'log'].map((name) => join(directory, name)) as [string, string, string];
    try {
      await writeFile(processFile, JSON.stringify(await processOf(container.bundle, process)), { mode: 0o600 });
      const args = [...this.#oci.globalArguments(logFile), 'exec', '--process', processFile, '--pid-file', pidFile, container.id];
      const exitCode = await runToEnd(this.#oci.binary, args, pidFile, output, signal);
      if (exitCode === 0 || (await pidIn(pidFile)) !== undefined) return exitCode;
      throw new PluginError('INTERNAL', (await this.#oci.lastError(logFile)) ?? `${this.#oci.name} ended with status ${exitCode}`, {
        object: `command ${JSON.stringify(process.args[0])} in container ${container.name}`,
      });
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }
}

/** The container's own process description with other arguments. */
async function processOf(bundle: string, { args }: ExecProcess): Promise<OciConfig['process']> {
  const config = JSON.parse(await readFile(join(bundle, 'config.json'), 'utf8')) as OciConfig;
  return { ...config.process, terminal: false, args };
}

/** Runs the OCI runtime's `exec` with `output` as its stdio. On abort it kills what that started, and throws the reason. */
async function runToEnd(binary: string, args: string[], pidFile: string, output: ExecOutput, signal: AbortSignal): Promise<number> {
  // Real pipes: a program that opens /dev/stdout can't open the sockets that Node would make.
  const [stdout, stderr] = [syscalls().pipe(), syscalls().pipe()];
  const child = spawn(binary, args, { stdio: ['ignore', stdout.write, stderr.write] });
  for (const { write } of [stdout, stderr]) closeSync(write);
  const killed = new AbortController();
  const endProcess = (): void => void killProcess(child, pidFile).finally(() => killed.abort());
  signal.addEventListener('abort', endProcess, { once: true });
  try {
    const [exitCode] = await Promise.all([
      exitOf(child, binary),
      copy(stdout.read, output.stdout, killed.signal),
      copy(stderr.read, output.stderr, killed.signal),
    ]);
    signal.throwIfAborted();
    return exitCode;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', endProcess);
  }
}

async function exitOf(child: ChildProcess, binary: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  child.once('error', (cause) => reject(PluginError.from(cause, 'FAILED_PRECONDITION', { object: binary })));
  child.once('exit', (code, signal) => resolve(code ?? exitCodeOf(signal ?? 'SIGKILL')));
  return promise;
}

/** What a process that has left its group still holds open is waited for until the abort. */
async function copy(descriptor: number, target: Writable, signal: AbortSignal): Promise<void> {
  await pipeline(new Socket({ fd: descriptor, readable: true, writable: false }), target, { end: false, signal });
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
