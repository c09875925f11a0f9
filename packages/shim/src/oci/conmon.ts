import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { unlessAborted } from '@berth/sdk/abort';
import { PluginError } from '@berth/sdk/errors';
import type { Calls } from '../calls.ts';
import { exists } from '../files/exists.ts';
import { explainProgramFailure } from '../files/full-disk.ts';
import { endWithin, ownedPid } from '../process/owned-pid.ts';
import { type SpawnedProcess, spawn } from '../process/spawn.ts';
import { interrupted, type OciCommand, readable, type Subject } from './command.ts';
import { reopenLogs, tellConmon } from './conmon-control.ts';
import { kill } from './process-signal.ts';
import { runtimeFailure } from './runtime-failure.ts';

/** A container to be made under conmon's watch. */
export interface MonitoredContainer extends Subject {
  /** Absolute; holds config.json. conmon's pid files, attach socket and control pipes go there too. */
  bundle: string;
  /** Absolute, in CRI's log format; undefined for no log. */
  logPath: string | undefined;
  stdin: boolean;
  stdinOnce: boolean;
  tty: boolean;
}

interface ConmonOptions {
  /** Absolute path of conmon. */
  binary: string;
  exitDirectory: string;
  /** Default 60 seconds. */
  createDeadlineMs?: number;
  calls: Calls;
}

/** conmon makes the new log within some milliseconds. */
const reopenDeadlineMs = 5000;
const reopenPollMs = 5;

/** Longest that a killed process may take to be gone; one in uninterruptible sleep is not waited for any longer. */
const endDeadlineMs = 5000;

/**
 * conmon(8): one small process a container, which runs `create` of the OCI runtime, holds the container's stdio, writes its log
 * and its exit file, and is nobody's child: it outlives the shim.
 */
export class Conmon {
  readonly #options: ConmonOptions;
  readonly #oci: OciCommand;

  constructor(options: ConmonOptions, oci: OciCommand) {
    this.#options = options;
    this.#oci = oci;
  }

  /** Makes the container up to `start`, and gives the pid of its first process. On failure conmon and the OCI runtime have ended. */
  async create(container: MonitoredContainer, signal: AbortSignal): Promise<number> {
    const description = {
      protocol: 'oci',
      plugin: this.#oci.name,
      method: 'create',
      subject: container.name,
      sandboxId: container.sandboxId,
    } as const;
    return this.#options.calls.record(description, () => this.#create(container, signal));
  }

  /** Ends conmon if it still runs, with an OCI runtime that it may be waiting for; both are gone when it resolves. */
  async end(id: string, bundle: string): Promise<void> {
    const pid = await this.#pid(id, bundle);
    if (pid === undefined) return;
    const pids = [pid, ...(await childrenOf(pid))];
    // conmon becomes the leader of a process group soon after its start. Its OCI runtime is in that too; a container's process is not.
    kill(pid, 'SIGKILL');
    kill(-pid, 'SIGKILL');
    await endWithin(pids, endDeadlineMs);
  }

  /** Whether the container is being watched. */
  async isAlive(id: string, bundle: string): Promise<boolean> {
    return (await this.#pid(id, bundle)) !== undefined;
  }

  /**
   * As Runtime.reopenLog. conmon makes the file anew at its path, so one that is still there would lose its lines; and it doesn't say
   * when it has, so the file is waited for.
   */
  async reopenLog({ id, name, bundle, logPath }: MonitoredContainer, signal: AbortSignal): Promise<void> {
    if (logPath === undefined || (await exists(logPath))) return;
    if (!(await this.isAlive(id, bundle))) return;
    await tellConmon(bundle, reopenLogs);
    const limit = AbortSignal.any([signal, AbortSignal.timeout(reopenDeadlineMs)]);
    while (!(await exists(logPath))) {
      // A container that ends has no more lines to write.
      if (!(await this.isAlive(id, bundle))) return;
      await delay(reopenPollMs, undefined, { signal: limit }).catch(() => {
        throw interrupted(`log of container ${name}`, limit, reopenDeadlineMs);
      });
    }
  }

  #pid(id: string, bundle: string): Promise<number | undefined> {
    return ownedPid(pidFile(bundle), (commandLine) => commandLine.includes(id));
  }

  async #create(container: MonitoredContainer, signal: AbortSignal): Promise<number> {
    const deadlineMs = this.#options.createDeadlineMs ?? 60_000;
    const limit = AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]);
    const object = `${this.#oci.name} create of container ${container.name}`;
    await rm(pidFile(container.bundle), { force: true });
    if (limit.aborted) throw interrupted(object, limit, deadlineMs);
    const child = this.#spawn(container);
    try {
      return await unlessAborted(this.#reply(child, container, object), limit);
    } catch (error) {
      await ended(child);
      await this.end(container.id, container.bundle);
      throw limit.aborted ? interrupted(object, limit, deadlineMs) : error;
    } finally {
      for (const stream of child.stdio) stream?.destroy();
    }
  }

  #spawn(container: MonitoredContainer): SpawnedProcess {
    const { PATH, LD_LIBRARY_PATH, TMPDIR } = process.env;
    return spawn(this.#options.binary, this.#arguments(container), {
      // conmon leaves its `oom` file in its working directory.
      cwd: container.bundle,
      // It refuses arguments, such as paths, that its locale can't read.
      env: { PATH, LD_LIBRARY_PATH, TMPDIR, LC_ALL: 'C.UTF-8', _OCI_SYNCPIPE: '3' },
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    });
  }

  #arguments({ id, name, bundle, logPath, stdin, stdinOnce, tty }: MonitoredContainer): string[] {
    return [
      ...['--api-version', '1', '-c', id, '-u', id, '-n', name],
      ...['-r', this.#oci.binary, ...this.#oci.globalArguments(this.#oci.logFile(id)).flatMap((argument) => ['--runtime-arg', argument])],
      ...['-b', bundle, '-p', join(bundle, 'container.pid'), '-P', pidFile(bundle)],
      ...['--exit-dir', this.#options.exitDirectory, '--full-attach'],
      ...['-l', logDriver(logPath, name)],
      ...(stdin ? ['-i'] : []),
      ...(stdin && !stdinOnce ? ['--leave-stdin-open'] : []),
      ...(tty ? ['-t'] : []),
    ];
  }

  /** One line of JSON on the sync pipe: the pid, or -1 and what the OCI runtime printed. */
  async #reply(child: SpawnedProcess, container: MonitoredContainer, object: string): Promise<number> {
    const [, , stderr, sync] = child.stdio as unknown as [null, null, Readable, Readable];
    const spawned = Promise.withResolvers<never>();
    child.on('error', (cause) =>
      spawned.reject(new PluginError('FAILED_PRECONDITION', `conmon can't be run: ${cause.message}`, { object, cause })),
    );
    const printed = text(stderr).catch(() => '');
    const line = await Promise.race([firstLine(sync), spawned.promise]);
    if (line === undefined)
      throw new PluginError('INTERNAL', `conmon ended without a word of the container${await saidOf(printed)}`, {
        object,
      });
    const { data, message } = JSON.parse(line) as { data: number; message?: string };
    if (data > 0) return data;
    const why = readable(message ?? '') || (await this.#oci.lastError(this.#oci.logFile(container.id))) || `it ended with status ${-data}`;
    throw await explainProgramFailure(runtimeFailure(why, object), container.bundle, object);
  }
}

async function saidOf(printed: Promise<string>): Promise<string> {
  const said = (await printed).trim();
  return said && `: ${said}`;
}

function logDriver(logPath: string | undefined, name: string): string {
  if (logPath === undefined) return 'none';
  if (!logPath.includes(':')) return `k8s-file:${logPath}`;
  // It would write, without a word, to what is left of the colon.
  throw new PluginError('INVALID_ARGUMENT', `conmon can't write a log whose path has a colon: ${logPath}`, {
    object: `container ${name}`,
    hint: 'change log_directory or log_path',
  });
}

async function childrenOf(pid: number): Promise<number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return children.split(' ').filter(Boolean).map(Number);
}

function pidFile(bundle: string): string {
  return join(bundle, 'conmon.pid');
}

/** conmon's first process ends as soon as it has forked and written down the pid of the one that stays. */
async function ended(child: SpawnedProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  const overdue = setTimeout(() => child.kill('SIGKILL'), 2000);
  await exit;
  clearTimeout(overdue);
}

/** Undefined if the stream ends without one. */
async function firstLine(stream: Readable): Promise<string | undefined> {
  let read = '';
  for await (const chunk of stream.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    read += chunk as string;
    const end = read.indexOf('\n');
    if (end >= 0) return read.slice(0, end);
  }
  return undefined;
}
