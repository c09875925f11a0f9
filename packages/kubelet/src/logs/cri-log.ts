/** One line of a log in the format that CRI prescribes: `2026-11-21T05:50:39.000000001Z stdout F text`. */
interface CriLogLine {
  time: string;
  stream: 'stdout' | 'stderr';
  /** The container's own line goes on in the next one of the same stream. */
  partial: boolean;
  /** Without the newline that ends the log's line. */
  content: Buffer;
}

const space = 0x20;
const newline = 0x0a;
const newlineText = Buffer.from('\n');

/** Reads one line, given without its newline; undefined for anything that isn't one. */
export function parseCriLogLine(line: Buffer): CriLogLine | undefined {
  const afterTime = line.indexOf(space);
  const afterStream = line.indexOf(space, afterTime + 1);
  if (afterTime < 0 || afterStream < 0) return undefined;
  const afterTags = line.indexOf(space, afterStream + 1);
  const stream = line.toString('latin1', afterTime + 1, afterStream);
  if (stream !== 'stdout' && stream !== 'stderr') return undefined;
  const tagsEnd = afterTags < 0 ? line.length : afterTags;
  const [tag] = line.toString('latin1', afterStream + 1, tagsEnd).split(':');
  if (tag !== 'F' && tag !== 'P') return undefined;
  return {
    time: line.toString('latin1', 0, afterTime),
    stream,
    partial: tag === 'P',
    content: line.subarray(Math.min(tagsEnd + 1, line.length)),
  };
}

/** Which lines of a log are wanted, and with what. */
export interface LineOptions {
  /** Each line begins with the time at which it was written. */
  timestamps?: boolean;
  /** Only lines from then on. */
  since?: Date;
  /** Only lines of this stream. */
  stream?: 'stdout' | 'stderr';
}

/** What the container wrote, from a log that comes in pieces. */
export class CriLogReader {
  readonly #options: LineOptions;
  #rest: Buffer = Buffer.alloc(0);
  /** The line before was a whole one. */
  #atLineStart = true;

  constructor(options: LineOptions = {}) {
    this.#options = options;
  }

  /** The container's output in a further piece of the log; what ends in the middle of a line waits for the next one. */
  read(piece: Buffer): Buffer {
    const text = Buffer.concat([this.#rest, piece]);
    const output: Buffer[] = [];
    let start = 0;
    for (let end = text.indexOf(newline, start); end >= 0; end = text.indexOf(newline, start)) {
      output.push(...this.#rendered(text.subarray(start, end)));
      start = end + 1;
    }
    this.#rest = text.subarray(start);
    return Buffer.concat(output);
  }

  /** A line that isn't in the format is shown as it is rather than lost. */
  #rendered(line: Buffer): Buffer[] {
    const parsed = parseCriLogLine(line);
    if (!parsed) return [line, newlineText];
    const { timestamps, since, stream } = this.#options;
    if (stream !== undefined && parsed.stream !== stream) return [];
    if (since !== undefined && Date.parse(parsed.time) < since.getTime()) return [];
    const time = timestamps && this.#atLineStart ? [Buffer.from(`${shownTime(parsed.time)} `)] : [];
    this.#atLineStart = !parsed.partial;
    return [...time, parsed.content, ...(parsed.partial ? [] : [newlineText])];
  }
}

/** Runtimes write times each in its way; kubelet shows them all with nine digits, and UTC as Z. */
function shownTime(time: string): string {
  const [, seconds, fraction = '', offset] = /^(.*T\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(time) ?? [];
  if (seconds === undefined) return time;
  return `${seconds}.${fraction.padEnd(9, '0').slice(0, 9)}${offset === '+00:00' ? 'Z' : offset}`;
}
