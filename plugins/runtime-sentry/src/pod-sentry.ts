import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { extname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { onAbort } from '@berth/sdk/abort';
import { PluginError } from '@berth/sdk/errors';
import { kill } from '@berth/shim/oci/process-signal';
import type { Counts } from './kernel/tally.ts';

/** Longest path of a unix socket, in bytes (unix(7)). */
const longestSocketPath = 107;
/** The longest name of the Sentry's sockets: `health` is made under it. */
const longestSocketName = 'health.new';
const startDeadlineMs = 10_000;
const askDeadlineMs = 1000;
const endDeadlineMs = 5000;

/** A Sentry that hasn't given a sign of life for so long is hung; it gives one each second. */
const silenceLimitMs = 10_000;
/** As is one that is at a single system call for so long. */
const busyLimitSeconds = 30;

const program = fileURLToPath(new URL(`./kernel/sentry${extname(import.meta.filename)}`, import.meta.url));

/** The Sentry process of one pod, seen from the shim. It is nobody's child, and outlives the shim. */
export class PodSentry {
  readonly sandboxId: string;
  readonly directory: string;
  readonly #parent: string;

  /** `parent`: a directory that a reboot clears. */
  constructor(parent: string, sandboxId: string) {
    this.#parent = parent;
    this.sandboxId = sandboxId;
    // Short: the whole path of a socket in it may have 107 bytes.
    this.directory = join(podsOf(parent), sandboxId.slice(0, 20));
  }

  /** Those that have left files below `parent`, running or not. */
  static async all(parent: string): Promise<PodSentry[]> {
    const names = await readdir(podsOf(parent)).catch(() => []);
    return names.map((name) => new PodSentry(parent, name));
  }

  /** Where OCI runtimes bring the descriptors of their filters. */
  get listenerPath(): string {
    return join(this.directory, 'notify');
  }

  /** Starts it and resolves when it listens. What it says of its faults is in `log` of its directory. */
  async start(signal: AbortSignal): Promise<void> {
    const longest = this.#file(longestSocketName);
    if (Buffer.byteLength(longest) > longestSocketPath) throw this.#tooLong(longest);
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
    const log = await open(this.#file('log'), 'w', 0o600);
    try {
      const child = spawn(process.execPath, [...process.execArgv, program, this.directory], {
        cwd: '/',
        // Reading the program anew for each pod would take most of its start.
        env: { NODE_COMPILE_CACHE: join(this.#parent, 'modules') },
        stdio: ['ignore', log.fd, log.fd],
        detached: true,
      });
      child.unref();
      await this.#listening(child, signal);
    } finally {
      await log.close();
    }
  }

  /**
   * Watches it until it ends or hangs, and resolves with what happened. When `signal` is aborted, with undefined. One that isn't there has
   * ended.
   */
  async watch(signal: AbortSignal): Promise<string | undefined> {
    // A shim that is done isn't kept from ending.
    const connection = createConnection(this.#file('health')).unref();
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    const stop = onAbort([signal], () => resolve(undefined));
    connection.on('error', () => undefined).once('close', () => resolve(this.whyEnded()));
    connection.setTimeout(silenceLimitMs, () => resolve(`its Sentry process gave no sign of life for ${silenceLimitMs / 1000} s`));
    connection.setEncoding('utf8').on('data', (beats: string) => {
      if (busySeconds(beats) > busyLimitSeconds) resolve(`its Sentry process was at one system call for more than ${busyLimitSeconds} s`);
    });
    try {
      return await promise;
    } finally {
      stop();
      connection.destroy();
    }
  }

  async isAlive(): Promise<boolean> {
    return (await this.#pid()) !== undefined;
  }

  /** What to say of a Sentry that has ended by itself. */
  async whyEnded(): Promise<string> {
    const failure = await this.#read('failure');
    return failure === '' ? 'its Sentry process was killed' : `its Sentry process has failed: ${failure}`;
  }

  /** Ends its process, if need be. It is asked first, so that it writes down its last counts. */
  async kill(): Promise<void> {
    for (const [signal, limitMs] of [
      ['SIGTERM', askDeadlineMs],
      ['SIGKILL', endDeadlineMs],
    ] as const) {
      const pid = await this.#pid();
      if (pid === undefined) return;
      kill(pid, signal);
      for (let waited = 0; waited < limitMs && (await this.isAlive()); waited += 5) await delay(5);
    }
  }

  /** Ends it, if need be, and forgets its files. Gives how often it answered each system call, where it still could tell. */
  async end(): Promise<Counts | undefined> {
    await this.kill();
    const counts = await this.#counts();
    await rm(this.directory, { recursive: true, force: true });
    return counts;
  }

  async #counts(): Promise<Counts | undefined> {
    const text = await readFile(this.#file('calls.json'), 'utf8').catch(() => undefined);
    return text === undefined ? undefined : (JSON.parse(text) as Counts);
  }

  /** The pid may have become somebody else's: the command line tells. A zombie has none. */
  async #pid(): Promise<number | undefined> {
    const pid = Number.parseInt(await readFile(this.#file('pid'), 'utf8').catch(() => ''), 10);
    if (Number.isNaN(pid)) return undefined;
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    return commandLine.split('\0').includes(this.directory) ? pid : undefined;
  }

  /** Resolves once its sockets are there: `health` is made last. A child that doesn't get so far is ended here: it may not have written its pid. */
  async #listening(child: ChildProcess, signal: AbortSignal): Promise<void> {
    const overdue = AbortSignal.timeout(startDeadlineMs);
    try {
      await once(child, 'spawn');
      for (; !existsSync(this.#file('health')); await delay(2)) {
        signal.throwIfAborted();
        if (child.exitCode !== null || child.signalCode !== null) throw await this.#notStarted('it ended at once');
        if (overdue.aborted) throw await this.#notStarted(`it doesn't listen within ${startDeadlineMs / 1000} s`);
      }
    } catch (error) {
      if (child.kill('SIGKILL')) await once(child, 'exit');
      throw error;
    }
  }

  async #notStarted(why: string): Promise<PluginError> {
    const said = (await this.#read('failure')) || (await this.#read('log'));
    return new PluginError('INTERNAL', `${why}${said && `: ${said}`}`, { object: `Sentry of sandbox ${this.sandboxId.slice(0, 12)}` });
  }

  /** The end of what the Sentry has written into one of its files. */
  async #read(name: string): Promise<string> {
    const text = await readFile(this.#file(name), 'utf8').catch(() => '');
    return text.trim().slice(-1000);
  }

  #tooLong(path: string): PluginError {
    return new PluginError('FAILED_PRECONDITION', `the path of its socket is longer than ${longestSocketPath} bytes: ${path}`, {
      object: `Sentry of sandbox ${this.sandboxId.slice(0, 12)}`,
      hint: 'choose a shorter --run directory',
    });
  }

  #file(name: string): string {
    return join(this.directory, name);
  }
}

function podsOf(parent: string): string {
  return join(parent, 'pods');
}

/** From the last of the lines that the Sentry sends. */
function busySeconds(beats: string): number {
  const last = beats.trim().split('\n').at(-1) ?? '';
  return last.startsWith('{') && last.endsWith('}') ? (JSON.parse(last) as { busySeconds: number }).busySeconds : 0;
}
