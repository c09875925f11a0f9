import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, watch, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { extname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { unlessAborted } from '@berth/sdk/abort';
import { PluginError } from '@berth/sdk/errors';
import { killedExitCode } from '../exit-code.ts';
import { writeJson } from '../files/json-file.ts';
import { kill } from '../oci/process-signal.ts';
import type { Exit, FoundContainer } from '../runtime.ts';
import { type Answer, files, goAhead, type MonitoredCommand } from './monitor-files.ts';

export type { MonitoredCommand } from './monitor-files.ts';

const program = join(import.meta.dirname, `monitor${extname(import.meta.filename)}`);

/** How often a monitor that says nothing is looked at: one that is killed leaves no word. */
const lookMs = 1000;
const reopenPollMs = 10;

/**
 * A process of this host that outlives the shim, for runtimes whose containers are such. A monitor beside it, a Node program of some
 * 45 MB, writes its output as a CRI log and leaves its exit code. All that is known of it lies in a directory of its own: after a
 * restart of the shim, `new MonitoredProcess(directory)` is it again.
 */
export class MonitoredProcess {
  readonly #directory: string;

  /** `directory`: as ContainerSpec has it; it has to be there. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Resolves when the process has been executed, in a process group of its own; INVALID_ARGUMENT if it can't be. */
  async start(command: MonitoredCommand, signal: AbortSignal): Promise<void> {
    await writeJson(join(this.#directory, files.command), command);
    signal.throwIfAborted();
    const args = [...process.execArgv, program, this.#directory];
    const monitor = spawn(process.execPath, args, { detached: true, cwd: '/', stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    // It begins when it is on record: whoever takes over after a crash of this process finds it, or it never did anything.
    writeFileSync(join(this.#directory, files.monitor), String(monitor.pid), { mode: 0o600 });
    monitor.send(goAhead);
    const { error } = await answerOf(monitor, signal).finally(() => monitor.unref());
    if (error !== undefined) throw new PluginError('INVALID_ARGUMENT', error, { object: `program ${command.args[0]}` });
  }

  /** What became of it: `created` if it was never started; 137 for one that was killed together with its monitor. */
  state(): FoundContainer {
    const isWatched = this.#monitor() !== undefined;
    // Read after that: once the monitor has ended, what it has written is final.
    const exit = this.#exit();
    if (exit) return { state: 'exited', exit };
    if (isWatched) return { state: 'running', startedAt: undefined };
    if (this.#read(files.monitor) === undefined) return { state: 'created' };
    return { state: 'exited', exit: { exitCode: killedExitCode, finishedAt: new Date() } };
  }

  /** Resolves when it has ended, its log whole. */
  async ended(signal: AbortSignal): Promise<Exit> {
    const watcher = watch(this.#directory);
    try {
      for (;;) {
        const found = this.state();
        if (found.state === 'exited') return found.exit;
        const round = AbortSignal.any([signal, AbortSignal.timeout(lookMs)]);
        await once(watcher, 'change', { signal: round }).catch(() => signal.throwIfAborted());
      }
    } finally {
      watcher.close();
    }
  }

  /** Sends a signal as Runtime.signal has it: to the process, SIGKILL to its group. One that has ended is no error. */
  signal(posixSignal: string): void {
    const pid = Number(this.#read(files.process));
    if (this.#monitor() === undefined || !(pid > 0)) return;
    kill(posixSignal === 'SIGKILL' ? -pid : pid, constants.signals[posixSignal as NodeJS.Signals] ?? Number(posixSignal));
  }

  /** As Runtime.reopenLog. */
  async reopenLog(logPath: string, signal: AbortSignal): Promise<void> {
    const monitor = this.#monitor();
    if (monitor !== undefined) kill(monitor, 'SIGHUP');
    while (!existsSync(logPath)) await setTimeout(reopenPollMs, undefined, { signal });
  }

  /** Ends it, with its group and its monitor, and resolves when they are gone; one that was never started is no error. */
  async remove(signal: AbortSignal): Promise<void> {
    const monitor = this.#monitor();
    if (monitor === undefined) return;
    kill(monitor, 'SIGTERM');
    while (this.#monitor() === monitor) await setTimeout(reopenPollMs, undefined, { signal });
  }

  /** The process id of the monitor while it runs: by its command line, since a reboot gives process ids again. */
  #monitor(): number | undefined {
    const pid = this.#read(files.monitor);
    const commandLine = pid && read(`/proc/${pid}/cmdline`);
    return commandLine?.split('\0').includes(this.#directory) ? Number(pid) : undefined;
  }

  #exit(): Exit | undefined {
    const written = this.#read(files.exit);
    if (written === undefined) return undefined;
    const { exitCode, finishedAt } = JSON.parse(written) as { exitCode: number; finishedAt: string };
    return { exitCode, finishedAt: new Date(finishedAt) };
  }

  #read(name: string): string | undefined {
    return read(join(this.#directory, name));
  }
}

async function answerOf(monitor: ChildProcess, signal: AbortSignal): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  monitor.once('message', resolve).once('error', reject);
  monitor.once('exit', (code, signal) => resolve({ error: `its monitor ended with ${signal ?? code}` }));
  return unlessAborted(promise, signal);
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    // ESRCH: of a process that ends while its file is read.
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
