import { EINVAL, ENOTTY } from '../errno.ts';
import { isProc } from '../files/paths.ts';
import type { Kernel } from '../kernel.ts';
import { type DirectoryEntry, directoryEntry } from '../layouts.ts';
import type { Answer, SystemCall } from '../notifications.ts';
import type { Handlers } from './handler.ts';

/** Requests about terminals and the descriptor itself (asm-generic/ioctls.h). None puts input into a terminal, as TIOCSTI does. */
const openRequests = new Set([
  0x5401, // TCGETS
  0x5402, // TCSETS
  0x5403, // TCSETSW
  0x5404, // TCSETSF
  0x540b, // TCFLSH
  0x540f, // TIOCGPGRP
  0x5410, // TIOCSPGRP
  0x5413, // TIOCGWINSZ
  0x5414, // TIOCSWINSZ
  0x541b, // FIONREAD
  0x5421, // FIONBIO
  0x5429, // TIOCGSID
  0x5450, // FIONCLEX
  0x5451, // FIOCLEX
]);

/** Bytes of directory entries in one answer. */
const maximumBytes = 32 * 1024;

/** Calls about descriptors of which not every use is the caller's own matter. */
export const descriptorCalls: Handlers = {
  ioctl: (call) => (openRequests.has(call.int(1)) ? 'continue' : -ENOTTY),
  getdents64,
};

/**
 * Behind a descriptor of a directory in the synthetic /proc is one of the kernel's own proc file system, whose entries are never given; its
 * file offset says how far it has been read. All other directories are the kernel's to read.
 */
function getdents64(call: SystemCall, kernel: Kernel): Answer {
  const place = kernel.placeOf(call.tid, call.int(0));
  if (typeof place === 'number' || !isProc(place)) return 'continue';
  const entries = kernel.asCaller(call, (task) => kernel.proc.entries(place, task));
  if (typeof entries === 'number') return entries;
  return kernel.withOffset(call, call.int(0), (offset) => {
    const records = recordsFrom(entries, offset, Math.min(call.int(2) >>> 0, maximumBytes));
    if (records.length === 0 && offset < entries.length) return { result: -EINVAL, offset };
    const bytes = Buffer.concat(records);
    return { result: kernel.store(call, call.arg(1), bytes) || bytes.length, offset: offset + records.length };
  });
}

/** As many of the entries from `first` on as fit into `room` bytes. */
function recordsFrom(entries: DirectoryEntry[], first: number, room: number): Buffer[] {
  const records: Buffer[] = [];
  let size = 0;
  for (const [index, entry] of entries.slice(first).entries()) {
    const record = directoryEntry(entry, first + index + 1);
    size += record.length;
    if (size > room) break;
    records.push(record);
  }
  return records;
}
