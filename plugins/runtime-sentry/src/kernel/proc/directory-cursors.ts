import { EINVAL } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import { type DirectoryEntry, directoryEntry } from '../layouts.ts';
import type { SystemCall } from '../notifications.ts';

interface Cursor {
  entries: DirectoryEntry[];
  position: number;
}

/** Cursors of programs that leave their directories open are dropped one day. */
const maximumCursors = 1024;
const SEEK_SET = 0;

/**
 * How far synthetic directories have been read, by process and descriptor. The kernel has only places for them (O_PATH descriptors), whose
 * entries it doesn't give. Other descriptors are none of its business: undefined.
 */
export class DirectoryCursors {
  readonly #cursors = new Map<string, Cursor>();

  /** A process has got a descriptor; `entries` if it is a synthetic directory. */
  opened(process: number, descriptor: number, entries: DirectoryEntry[] | undefined): void {
    const key = `${process}:${descriptor}`;
    if (this.#cursors.size > 0) this.#cursors.delete(key);
    if (!entries) return;
    this.#cursors.set(key, { entries, position: 0 });
    if (this.#cursors.size > maximumCursors) this.#cursors.delete(this.#cursors.keys().next().value as string);
  }

  /** getdents64: the next entries that fit, and how many bytes they are. */
  next(kernel: Kernel, call: SystemCall): number | undefined {
    const cursor = this.#find(kernel, call);
    if (!cursor) return undefined;
    const records: Buffer[] = [];
    let room = Math.min(call.arg(2), 32 * 1024);
    let { position } = cursor;
    for (let entry = cursor.entries[position]; entry; entry = cursor.entries[position]) {
      const record = directoryEntry(entry, position + 1);
      if (record.length > room) break;
      records.push(record);
      room -= record.length;
      position++;
    }
    if (records.length === 0) return position < cursor.entries.length ? -EINVAL : 0;
    const bytes = Buffer.concat(records);
    cursor.position = position;
    return kernel.store(call, call.arg(1), bytes) || bytes.length;
  }

  /** lseek, as rewinddir and seekdir use it. */
  seek(kernel: Kernel, call: SystemCall): number | undefined {
    const cursor = this.#find(kernel, call);
    if (!cursor) return undefined;
    if (call.int(2) !== SEEK_SET) return -EINVAL;
    cursor.position = call.arg(1);
    return cursor.position;
  }

  /** The caller closes a descriptor. */
  closed(kernel: Kernel, call: SystemCall): void {
    if (this.#cursors.size === 0) return;
    const task = kernel.tasks.find(call.tid);
    if (task) this.#cursors.delete(`${task.processId}:${call.int(0)}`);
  }

  #find(kernel: Kernel, call: SystemCall): Cursor | undefined {
    if (this.#cursors.size === 0) return undefined;
    const task = kernel.tasks.find(call.tid);
    return task && this.#cursors.get(`${task.processId}:${call.int(0)}`);
  }
}
