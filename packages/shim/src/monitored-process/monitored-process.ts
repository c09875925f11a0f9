import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { watch, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { unlessAborted } from '@berth/sdk/abort';
import { PluginError } from '@berth/sdk/errors';
import { killedExitCode, signalNumber } from '../exit-code.ts';
import { exists } from '../files/exists.ts';
import { readJson, writeJson } from '../files/json-file.ts';
import { kill } from '../oci/process-signal.ts';
import { endWithin, ownedPid, pidIn } from '../process/owned-pid.ts';
import type { Exit, FoundContainer } from '../runtime.ts';
import { type Answer, files, goAhead, type MonitoredCommand } from './monitor-files.ts';

export type { MonitoredCommand } from './monitor-files.ts';

const program = join(import.meta.dirname, `monitor${extname(import.meta.filename)}`);

/** How often a monitor that says nothing is looked at: one that is killed leaves no word. */
const lookMs = 1000;
const reopenPollMs = 10;
const removeLimitMs = 5000;

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
    await writeJson(this.#file(files.command), command);
    signal.throwIfAborted();
    const args = [...process.execArgv, program, this.#directory];
    const monitor = spawn(process.execPath, args, { detached: true, cwd: '/', stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    // It begins when it is on record: whoever takes over after a crash of this process finds it, or it never did anything.
    writeFileSync(this.#file(files.monitor), String(monitor.pid), { mode: 0o600 });
    monitor.send(goAhead);
    const { error } = await answerOf(monitor, signal).finally(() => monitor.unref());
    if (error !== undefined) throw new PluginError('INVALID_ARGUMENT', error, { object: `program ${command.args[0]}` });
  }

  /** What became of it: `created` if it was never started; 137 for one that was killed together with its monitor. */
  async state(): Promise<FoundContainer> {
    const isWatched = (await this.#monitor()) !== undefined;
    // Read after that: once the monitor has ended, what it has written is final.
    const exit = await readJson<{ exitCode: number; finishedAt: string }>(this.#file(files.exit));
    if (exit) return { state: 'exited', exit: { exitCode: exit.exitCode, finishedAt: new Date(exit.finishedAt) } };
    if (isWatched) return { state: 'running', startedAt: undefined };
    if (!(await exists(this.#file(files.monitor)))) return { state: 'created' };
    return { state: 'exited', exit: { exitCode: killedExitCode, finishedAt: new Date() } };
  }

  /** Resolves when it has ended, its log whole. */
  async ended(signal: AbortSignal): Promise<Exit> {
    const watcher = watch(this.#directory);
    try {
      for (;;) {
        const round = AbortSignal.any([signal, AbortSignal.timeout(lookMs)]);
        // From before the look, so that no change is missed.
        const changed = once(watcher, 'change', { signal: round }).catch(() => undefined);
        const found = await this.state();
        if (found.state === 'exited') return found.exit;
        await changed;
        signal.throwIfAborted();
      }
    } finally {
      watcher.close();
    }
  }

  /** Sends a signal as Runtime.signal has it: to the process, SIGKILL to its group. One that has ended is no error. */
  async signal(posixSignal: string): Promise<void> {
    const pid = await pidIn(this.#file(files.process));
    if ((await this.#monitor()) === undefined || pid === undefined) return;
    kill(posixSignal === 'SIGKILL' ? -pid : pid, signalNumber(posixSignal));
  }

  /** As Runtime.reopenLog. */
  async reopenLog(logPath: string, signal: AbortSignal): Promise<void> {
    const monitor = await this.#monitor();
    if (monitor !== undefined) kill(monitor, 'SIGHUP');
    while (!(await exists(logPath))) await setTimeout(reopenPollMs, undefined, { signal });
  }

  /** Ends it, with its group and its monitor, and resolves when they are gone; one that was never started is no error. */
  async remove(): Promise<void> {
    const monitor = await this.#monitor();
    if (monitor === undefined) return;
    kill(monitor, 'SIGTERM');
    if (await endWithin([monitor], removeLimitMs)) return;
    throw new PluginError('INTERNAL', `its monitor, process ${monitor}, does not end`, {
      object: this.#directory,
      hint: 'see what its processes wait for, and remove it again',
    });
  }

  /** By its command line, since a reboot gives process ids again. */
  #monitor(): Promise<number | undefined> {
    return ownedPid(this.#file(files.monitor), (commandLine) => commandLine.includes(this.#directory));
  }

  #file(name: string): string {
    return join(this.#directory, name);
  }
}

async function answerOf(monitor: ChildProcess, signal: AbortSignal): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  monitor.once('message', resolve).once('error', reject);
  monitor.once('exit', (code, signal) => resolve({ error: `its monitor ended with ${signal ?? code}` }));
  return unlessAborted(promise, signal);
}
