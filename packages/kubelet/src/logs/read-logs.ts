import { PluginError } from '@berth/sdk/errors';
import { FileWatch } from '@berth/sdk/file-watch';
import { CriLogReader, type LineOptions } from './cri-log.ts';
import { LogFile, logAttempts } from './log-file.ts';

/** Which of a container's logs to read, and how much of it. */
export interface ReadLogsOptions extends LineOptions {
  /** `<podLogsDir>/<namespace>_<name>_<uid>/<container>` */
  directory: string;
  /** Only the last lines; undefined: all. */
  tailLines?: number;
  /** Output beyond so many bytes is left out, and reading ends. */
  limitBytes?: number;
  /** Of the instance before the newest. */
  previous?: boolean;
  /** Goes on as lines come, into the logs of restarted instances too, until `isOver`. */
  follow?: boolean;
  /** The container will never write again. */
  isOver(): boolean;
}

/** How often a followed log is looked at besides what the file system tells: that the container is over isn't seen in a file. */
const rescanMs = 500;

/** What a container wrote, as it wrote it. Without the previous instance that is asked for, NOT_FOUND; a log that isn't there yet is empty. */
export async function readLogs(options: ReadLogsOptions, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
  const attempts = await logAttempts(options.directory);
  const attempt = options.previous ? attempts.at(-2) : (attempts.at(-1) ?? 0);
  if (attempt !== undefined) return limited(readFrom(options, attempt, signal), options.limitBytes);
  throw new PluginError('NOT_FOUND', 'no instance before the present one has left a log', { object: options.directory });
}

/** No more than so many bytes. */
async function* limited(log: AsyncIterable<Buffer>, limitBytes = Number.POSITIVE_INFINITY): AsyncGenerator<Buffer, void> {
  let left = limitBytes;
  for await (const piece of log) {
    yield piece.subarray(0, Math.min(left, piece.length));
    left -= piece.length;
    if (left <= 0) return;
  }
}

async function* readFrom(options: ReadLogsOptions, first: number, signal: AbortSignal): AsyncGenerator<Buffer, void> {
  yield* readInstance(options, first, signal);
  let attempt = first;
  while (options.follow && !options.previous && !signal.aborted) {
    const newer = await attemptAfter(options, attempt);
    if (newer === undefined) return;
    attempt = newer;
    yield* readInstance({ ...options, tailLines: undefined }, attempt, signal);
  }
}

/** One instance's log: to its end, or, followed, until there is a newer instance or nothing more to come. */
async function* readInstance(options: ReadLogsOptions, attempt: number, signal: AbortSignal): AsyncGenerator<Buffer, void> {
  const reader = new CriLogReader(options);
  const file = await LogFile.open(options.directory, attempt, options.tailLines);
  try {
    for await (const _look of looks(options, signal)) {
      // Asked before reading: what was written until then is read.
      const isLast = !options.follow || options.isOver() || (await attemptAfter(options, attempt)) !== undefined;
      for await (const piece of file.read()) {
        const output = reader.read(piece);
        if (output.length > 0) yield output;
      }
      if (isLast) return;
    }
  } finally {
    await file.close();
  }
}

/** Something at each time to look: once, or, followed, as often as there may be more. */
async function* looks({ directory, follow }: ReadLogsOptions, signal: AbortSignal): AsyncGenerator<void, void> {
  if (follow) yield* new FileWatch({ paths: [directory], rescanMs, settleMs: 0 }).changes(signal);
  else yield;
}

async function attemptAfter({ directory }: ReadLogsOptions, attempt: number): Promise<number | undefined> {
  return (await logAttempts(directory)).find((candidate) => candidate > attempt);
}
