import { EINVAL } from '../errno.ts';
import { isProc } from '../files/paths.ts';
import type { Kernel } from '../kernel.ts';
import { type DirectoryEntry, directoryEntry } from '../layouts.ts';
import type { SystemCall } from '../notifications.ts';

interface Cursor {
  entries: DirectoryEntry[];
  position: number;
}

/** Cursors of programs that leave their directories open are dropped one day. */
const maximumCursors = 1024;
/** Bytes of entries in one answer. */
const maximumBytes = 32 * 1024;
const SEEK_SET = 0;

/**
 * How far directories of the synthetic /proc have been read, by process and descriptor. Behind such a descriptor is a directory of the
 * kernel's own proc file system, whose entries are never given. Calls about any other descriptor are the kernel's: undefined.
 */
export class DirectoryCursors {
  readonly #cursors = new Map<string, Cursor>();

  /** getdents64: the next entries that fit, and how many bytes they are. */
  next(kernel: Kernel, call: SystemCall): number | undefined {
    const place = kernel.placeOf(call.tid, call.int(0));
    if (typeof place === 'number' || !isProc(place)) return undefined;
    const cursor = this.#cursors.get(keyOf(kernel, call)) ?? this.#start(kernel, call, place);
    if (typeof cursor === 'number') return cursor;
    const room = Math.min(call.arg(2), maximumBytes);
    const { records, size } = recordsFrom(cursor, room);
    if (records.length === 0 && cursor.position < cursor.entries.length) return -EINVAL;
    cursor.position += records.length;
    return kernel.store(call, call.arg(1), Buffer.concat(records)) || size;
  }

  /** lseek, as rewinddir and seekdir use it. */
  seek(kernel: Kernel, call: SystemCall): number | undefined {
    const cursor = this.#cursors.size > 0 ? this.#cursors.get(keyOf(kernel, call)) : undefined;
    if (!cursor) return undefined;
    if (call.int(2) !== SEEK_SET) return -EINVAL;
    cursor.position = call.arg(1);
    return cursor.position;
  }

  /** The caller closes a descriptor. */
  closed(kernel: Kernel, call: SystemCall): void {
    if (this.#cursors.size > 0) this.#cursors.delete(keyOf(kernel, call));
  }

  #start(kernel: Kernel, call: SystemCall, place: string): Cursor | number {
    const entries = kernel.asCaller(call, (task) => kernel.proc.entries(place, task));
    if (typeof entries === 'number') return entries;
    const cursor = { entries, position: 0 };
    this.#cursors.set(keyOf(kernel, call), cursor);
    if (this.#cursors.size > maximumCursors) this.#cursors.delete(this.#cursors.keys().next().value as string);
    return cursor;
  }
}

function keyOf(kernel: Kernel, call: SystemCall): string {
  return `${kernel.tasks.find(call.tid)?.processId ?? 0}:${call.int(0)}`;
}

function recordsFrom({ entries, position }: Cursor, room: number): { records: Buffer[]; size: number } {
  const records: Buffer[] = [];
  let size = 0;
  for (const [index, entry] of entries.slice(position).entries()) {
    const record = directoryEntry(entry, position + index + 1);
    if (size + record.length > room) break;
    records.push(record);
    size += record.length;
  }
  return { records, size };
}
