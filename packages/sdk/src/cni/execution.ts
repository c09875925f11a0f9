import { spawn } from 'node:child_process';
import type { EventEmitter } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { PluginError } from '../errors.ts';
import type { Verb } from './types.ts';

/** Everything that one execution of a plugin showed of itself. */
export interface Execution {
  plugin: string;
  /** The executable that was run. */
  file: string;
  network: string;
  verb: Verb;
  containerId: string;
  ifName: string;
  /** The variables of the protocol: CNI_COMMAND and the others. */
  env: Record<string, string>;
  stdin: string;
  stdout: string;
  stderr: string;
  /** Null where a signal ended it or it never ran. */
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  /** Milliseconds since the epoch, with fractions. */
  startedAt: number;
  durationMs: number;
  /** Why the call failed; absent where it succeeded. */
  error?: PluginError;
}

export type ExecutionInput = Pick<Execution, 'plugin' | 'file' | 'network' | 'verb' | 'containerId' | 'ifName' | 'env' | 'stdin'>;

export interface ExecutionLimits {
  timeLimitMs: number;
  /** What of the time limit has passed before the execution. Default: nothing. */
  passedMs?: number;
  signal?: AbortSignal | undefined;
  /** How a plugin is started. Default: as node:child_process does. */
  start?: StartPlugin | undefined;
}

/** Runs a plugin to its end; what goes wrong is told by the execution's `error`. */
export type ExecutePlugin = (input: ExecutionInput, limits: ExecutionLimits) => Promise<Execution>;

/** Starts an executable with these variables alone, three pipes, and a process group of its own. */
export type StartPlugin = (file: string, env: Record<string, string | undefined>) => PluginProcess;

/** A plugin that runs. It emits `error` where it couldn't be started, and `close` with its status and signal once it has ended and was read. */
export interface PluginProcess extends Pick<EventEmitter, 'once'> {
  pid?: number | undefined;
  stdin: Writable;
  stdout: Readable;
  stderr: Readable;
  kill(signal: NodeJS.Signals): boolean;
}

const startByNode: StartPlugin = (file, env) => spawn(file, [], { env, stdio: 'pipe', detached: true });

const outputLimit = 16 * 1024 * 1024;

/** Names a call in messages: `CNI plugin bridge, network berth, ADD`. VERSION has no network. */
export function describeCall({ plugin, network, verb }: Pick<Execution, 'plugin' | 'network' | 'verb'>): string {
  return [`CNI plugin ${plugin}`, ...(network ? [`network ${network}`] : []), verb].join(', ');
}

/**
 * Runs a plugin's executable with its configuration on stdin until it ends. At the time limit, on abort and when it
 * prints more than 16 MiB its whole process group is killed; `error` says so then. Nothing is started for a signal that is aborted already.
 */
export async function execute(
  input: ExecutionInput,
  { timeLimitMs, passedMs = 0, signal, start = startByNode }: ExecutionLimits,
): Promise<Execution> {
  const startedAt = performance.timeOrigin + performance.now();
  const { promise, resolve } = Promise.withResolvers<Pick<Execution, 'exitCode' | 'signal' | 'error'>>();
  const object = describeCall(input);
  const output = { stdout: new Output(), stderr: new Output() };
  let error: PluginError | undefined;

  if (signal?.aborted)
    return notRun(input, startedAt, new PluginError('CANCELLED', 'the call was cancelled', { object, cause: signal.reason }));
  let child: PluginProcess;
  try {
    child = start(input.file, { ...process.env, ...input.env });
  } catch (thrown) {
    // Some failures Node emits, and others, such as of a file that is open for writing, it throws.
    return notRun(input, startedAt, PluginError.from(thrown, 'INTERNAL', { object }));
  }
  const stop = (reason: PluginError) => {
    error ??= reason;
    killGroup(child);
    // A process that left the group may hold the pipes open for ever.
    child.stdout.destroy();
    child.stderr.destroy();
  };
  child.once('error', (cause: Error) => resolve({ exitCode: null, signal: null, error: PluginError.from(cause, 'INTERNAL', { object }) }));
  child.once('close', (exitCode: number | null, ended: NodeJS.Signals | null) =>
    resolve({ exitCode, signal: ended, ...(error ? { error } : {}) }),
  );
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (chunk: Buffer) => {
      if (!output[name].add(chunk)) stop(new PluginError('RESOURCE_EXHAUSTED', `printed more than 16 MiB on ${name}`, { object }));
    });
  }
  // A plugin that ends without reading its stdin breaks the pipe; its exit status tells the rest.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input.stdin);

  const timer = setTimeout(
    () => stop(new PluginError('DEADLINE_EXCEEDED', `didn't end within ${timeLimitMs / 1000} s and was killed`, { object })),
    Math.max(0, timeLimitMs - passedMs),
  );
  const abort = () => stop(new PluginError('CANCELLED', 'was killed, since the call was cancelled', { object, cause: signal?.reason }));
  signal?.addEventListener('abort', abort, { once: true });
  try {
    const ending = await promise;
    const durationMs = performance.timeOrigin + performance.now() - startedAt;
    return { ...input, ...ending, stdout: output.stdout.text(), stderr: output.stderr.text(), startedAt, durationMs };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

/** The execution of a call that came to nothing before its plugin ran. `startedAt`: milliseconds since the epoch. */
export function notRun(input: ExecutionInput, startedAt: number, error: PluginError): Execution {
  const durationMs = performance.timeOrigin + performance.now() - startedAt;
  return { ...input, exitCode: null, signal: null, stdout: '', stderr: '', startedAt, durationMs, error };
}

/** The plugin leads a process group, so that what it started ends with it and lets go of the pipes. */
function killGroup(child: PluginProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL');
  }
}

class Output {
  readonly #chunks: Buffer[] = [];
  #size = 0;

  /** False once the limit is passed; what is over it is dropped. */
  add(chunk: Buffer): boolean {
    this.#size += chunk.length;
    if (this.#size > outputLimit) return false;
    this.#chunks.push(chunk);
    return true;
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}
