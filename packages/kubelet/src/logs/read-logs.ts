import { type FSWatcher, watch } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { PluginError } from '@berth/sdk/errors';
import { CriLogReader } from './cri-log.ts';
import { logAttempts, logFile, openLog, readFully, tailOffset } from './log-files.ts';

export interface ReadLogsOptions {
  /** `<podLogsDir>/<namespace>_<name>_<uid>/<container>` */
  directory: string;
  /** Only the last lines; undefined: all. */
  tailLines?: number;
  /** Of the instance before the newest. */
  previous?: boolean;
  /** Goes on as lines come, into the logs of restarted instances too, until `isOver`. */
  follow?: boolean;
  /** The container will never write again. */
  isOver(): boolean;
}

const chunkBytes = 64 * 1024;
/** How long to wait for the file system to tell of a change before looking. */
const pollMs = 500;

/** What a container wrote, as it wrote it. Without the previous instance that is asked for, NOT_FOUND; a log that isn't there yet is empty. */
export async function readLogs(options: ReadLogsOptions, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
  const attempts = await logAttempts(options.directory);
  const attempt = options.previous ? attempts.at(-2) : (attempts.at(-1) ?? 0);
  if (attempt !== undefined) return readFrom(options, attempt, signal);
  throw new PluginError('NOT_FOUND', 'no instance before the present one has left a log', { object: options.directory });
}

async function* readFrom(options: ReadLogsOptions, first: number, signal: AbortSignal): AsyncGenerator<Buffer, void> {
  yield* readInstance(options, first, signal);
  let attempt = first;
  while (options.follow && !options.previous && !signal.aborted) {
    const newer = (await logAttempts(options.directory)).find((candidate) => candidate > attempt);
    if (newer === undefined) return;
    attempt = newer;
    yield* readInstance({ ...options, tailLines: undefined }, attempt, signal);
  }
}

/** One instance's log: to its end, or, followed, until there is a newer instance or nothing more to come. */
async function* readInstance(options: ReadLogsOptions, attempt: number, signal: AbortSignal): AsyncGenerator<Buffer, void> {
  const path = logFile(options.directory, attempt);
  const reader = new CriLogReader();
  const changes = options.follow ? new Changes(options.directory) : undefined;
  let file = await openLog(path);
  try {
    let position = file && options.tailLines !== undefined ? await tailOffset(file, options.tailLines) : 0;
    while (!signal.aborted) {
      const last = !changes || options.isOver() || (await logAttempts(options.directory)).some((candidate) => candidate > attempt);
      for (let piece = await next(file, position); piece.length > 0; piece = await next(file, position)) {
        position += piece.length;
        const output = reader.read(piece);
        if (output.length > 0) yield output;
      }
      if (last) return;
      const fresh = await reopened(path, file);
      if (fresh) [file, position] = [fresh, 0];
      else await changes.wait(signal);
    }
  } finally {
    changes?.close();
    await file?.close();
  }
}

async function next(file: FileHandle | undefined, position: number): Promise<Buffer> {
  return file ? readFully(file, position, chunkBytes) : Buffer.alloc(0);
}

/** The file that has taken the place of an open one, by rotation. */
async function reopened(path: string, file: FileHandle | undefined): Promise<FileHandle | undefined> {
  const [now, then] = await Promise.all([stat(path).catch(() => undefined), file?.stat()]);
  if (!now || (then && now.ino === then.ino)) return undefined;
  await file?.close();
  return openLog(path);
}

/** Tells when something has changed in a directory, or might have. */
class Changes {
  #bell = Promise.withResolvers<void>();
  readonly #watcher: FSWatcher | undefined;

  constructor(directory: string) {
    // Where watching fails, looking now and then is enough.
    try {
      this.#watcher = watch(directory, () => this.#bell.resolve()).on('error', () => {});
    } catch {
      this.#watcher = undefined;
    }
  }

  async wait(signal: AbortSignal): Promise<void> {
    const rest = new AbortController();
    await Promise.race([this.#bell.promise, delay(pollMs, undefined, { signal: AbortSignal.any([signal, rest.signal]) }).catch(() => {})]);
    rest.abort();
    this.#bell = Promise.withResolvers<void>();
  }

  close(): void {
    this.#watcher?.close();
  }
}
