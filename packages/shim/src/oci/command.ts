import { readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import type { Calls } from '../calls.ts';
import { runToEnd } from '../process/run-to-end.ts';
import { errorMessage, lastErrorMessage } from './error-log.ts';
import { runtimeFailure } from './runtime-failure.ts';

/** What a subcommand is about. */
export interface Subject {
  id: string;
  /** A container's name, for a reader. */
  name: string;
  /** Undefined where what is about no known sandbox. */
  sandboxId: string | undefined;
}

interface OciCommandOptions {
  /** Absolute path of the OCI runtime. */
  binary: string;
  /** The runtime's `--root`: only our containers are there. */
  stateDirectory: string;
  /** For the runtime's logs, one file a container. */
  logDirectory: string;
  /** Whether systemd is to make the cgroups. */
  systemdCgroups: boolean;
  calls: Calls;
}

export interface ListedContainer {
  id: string;
  /** `created`, `running`, `paused`, `stopped`, or another word while it is being made. */
  status: string;
  bundle: string;
}

/** Longest a subcommand may take: they end in well under a second on an idle host. */
const deadlineMs = 30_000;

/** A checkpoint writes all memory of the container to disk. */
const checkpointDeadlineMs = 10 * 60_000;

/** An OCI runtime by its command line, as runc and crun share it. */
export class OciCommand {
  readonly binary: string;
  readonly #options: OciCommandOptions;

  constructor(options: OciCommandOptions) {
    this.binary = options.binary;
    this.#options = options;
  }

  /** As it is shown: `runc`. */
  get name(): string {
    return basename(this.binary);
  }

  /** Lets a created container run. */
  async start(subject: Subject, signal: AbortSignal): Promise<void> {
    await this.#run('start', [subject.id], subject, signal);
  }

  /** Signals the first process. False where there is none any more. */
  async kill(subject: Subject, posixSignal: string, signal: AbortSignal): Promise<boolean> {
    return this.#run('kill', [subject.id, posixSignal], subject, signal).then(() => true, unlessGone);
  }

  /** Removes the container, its cgroup and whatever runs in it. False where there was none. */
  async delete(subject: Subject, signal: AbortSignal): Promise<boolean> {
    const deleted = await this.#run('delete', ['--force', subject.id], subject, signal).then(() => true, unlessGone);
    await rm(this.logFile(subject.id), { force: true });
    return deleted;
  }

  /** Sets limits of a created or running container: `resources` as in config.json, from a file. */
  async update(subject: Subject, resourcesFile: string, signal: AbortSignal): Promise<void> {
    await this.#run('update', ['--resources', resourcesFile, subject.id], subject, signal);
  }

  /** Has CRIU save the container to files in a directory; it goes on running. */
  async checkpoint(subject: Subject, directory: string, signal: AbortSignal): Promise<void> {
    await this.#run(
      'checkpoint',
      ['--leave-running', '--image-path', directory, '--work-path', directory, subject.id],
      subject,
      signal,
      checkpointDeadlineMs,
    );
  }

  /** Containers below the state directory by id. */
  async list(signal: AbortSignal): Promise<Map<string, ListedContainer>> {
    const subject = { id: 'list', name: 'containers', sandboxId: undefined };
    const listed = JSON.parse((await this.#run('list', ['--format', 'json'], subject, signal)) || 'null') as ListedContainer[] | null;
    return new Map((listed ?? []).map((container) => [container.id, container]));
  }

  /** Arguments ahead of the subcommand; conmon is given the same. */
  globalArguments(logFile: string): string[] {
    const { stateDirectory, systemdCgroups } = this.#options;
    return [`--root=${stateDirectory}`, `--log=${logFile}`, '--log-format=json', ...(systemdCgroups ? ['--systemd-cgroup'] : [])];
  }

  logFile(id: string): string {
    return join(this.#options.logDirectory, `${id}.log`);
  }

  /** Why the last command that logged to this file failed, in the runtime's own words. */
  async lastError(logFile: string): Promise<string | undefined> {
    return lastErrorMessage(await readFile(logFile, 'utf8').catch(() => ''));
  }

  async #run(subcommand: string, args: string[], subject: Subject, signal: AbortSignal, limitMs = deadlineMs): Promise<string> {
    const description = {
      protocol: 'oci',
      plugin: this.name,
      method: subcommand,
      subject: subject.name,
      sandboxId: subject.sandboxId,
    } as const;
    return this.#options.calls.record(description, () => this.#execute(subcommand, args, subject, signal, limitMs));
  }

  async #execute(subcommand: string, args: string[], subject: Subject, signal: AbortSignal, limitMs: number): Promise<string> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
    const object = `${this.name} ${subcommand} of container ${subject.name}`;
    const all = [...this.globalArguments(this.logFile(subject.id)), subcommand, ...args];
    const { code, stdout, stderr } = await runToEnd(this.binary, all, { signal: limit }).catch((error: Error) => {
      throw limit.aborted ? interrupted(object, limit, limitMs) : runtimeFailure(error.message, object, error);
    });
    if (code === 0) return stdout;
    throw runtimeFailure(readable(stderr) || `it ended with status ${code}`, object);
  }
}

/** An abort by the caller keeps its own code; a deadline says how long it was. */
export function interrupted(object: string, limit: AbortSignal, deadline: number): PluginError {
  const timedOut = (limit.reason as Error | undefined)?.name === 'TimeoutError';
  if (!timedOut) return PluginError.from(limit.reason, 'CANCELLED', { object });
  return new PluginError('DEADLINE_EXCEEDED', `it didn't end in time (${deadline / 1000} s at most) and was killed`, {
    object,
    hint: 'look for a hung mount or a frozen cgroup',
    cause: limit.reason,
  });
}

/** The error in what an OCI runtime prints, which is plain, logrus text or JSON lines. */
export function readable(printed: string): string {
  const last = printed.trim().split('\n').at(-1) ?? '';
  const message =
    errorMessage(last) ?? last.replace(/^time="[^"]*" level=error msg="(.*)"$/, (_, text: string) => text.replaceAll('\\"', '"'));
  return message.replace(/^\w+ \w+ failed: /, '');
}

/** runc's and crun's ways to say that there is no such container, or that its process has ended. */
const gone = /does not exist|not running|already finished|no such process|not found|No such file or directory/i;

function unlessGone(error: unknown): false {
  if (error instanceof PluginError && error.code === 'INTERNAL' && gone.test(error.message)) return false;
  throw error;
}
