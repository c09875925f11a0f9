import { EINVAL } from '../errno.ts';
import { type DirectoryEntry, directoryEntry } from '../layouts.ts';

interface Cursor {
  entries: DirectoryEntry[];
  position: number;
}

/** Cursors of programs that leave their directories open are dropped one day. */
const maximumCursors = 1024;

/** How far the directories of the synthetic /proc have been read, by process and descriptor. */
export class DirectoryCursors {
  readonly #cursors = new Map<string, Cursor>();

  get areNone(): boolean {
    return this.#cursors.size === 0;
  }

  /** The next entries, as many as fit into `room` bytes; empty at the end. `list` is asked for all of them at the first time. */
  read(process: number, descriptor: number, room: number, list: () => DirectoryEntry[] | number): Buffer | number {
    const key = `${process}:${descriptor}`;
    const cursor = this.#cursors.get(key) ?? this.#start(key, list());
    if (typeof cursor === 'number') return cursor;
    const records = recordsFrom(cursor, room);
    if (records.length === 0 && cursor.position < cursor.entries.length) return -EINVAL;
    cursor.position += records.length;
    return Buffer.concat(records);
  }

  /** Goes on from an entry's position, as lseek does for seekdir and rewinddir. False where nothing has been read. */
  seek(process: number, descriptor: number, position: number): boolean {
    const cursor = this.#cursors.get(`${process}:${descriptor}`);
    if (cursor) cursor.position = position;
    return cursor !== undefined;
  }

  close(process: number, descriptor: number): void {
    this.#cursors.delete(`${process}:${descriptor}`);
  }

  #start(key: string, entries: DirectoryEntry[] | number): Cursor | number {
    if (typeof entries === 'number') return entries;
    const cursor = { entries, position: 0 };
    this.#cursors.set(key, cursor);
    if (this.#cursors.size > maximumCursors) this.#cursors.delete(this.#cursors.keys().next().value as string);
    return cursor;
  }
}

function recordsFrom({ entries, position }: Cursor, room: number): Buffer[] {
  const records: Buffer[] = [];
  let size = 0;
  for (const [index, entry] of entries.slice(position).entries()) {
    const record = directoryEntry(entry, position + index + 1);
    size += record.length;
    if (size > room) break;
    records.push(record);
  }
  return records;
}
