import { EINVAL, ENOTTY, ESRCH } from '../errno.ts';
import { isProc } from '../files/paths.ts';
import type { Kernel } from '../kernel.ts';
import type { Answer, SystemCall } from '../notifications.ts';
import { allOf, carryOn, type Handlers } from './handler.ts';

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

const SEEK_SET = 0;
/** Bytes of directory entries in one answer. */
const maximumEntries = 32 * 1024;

/**
 * Calls about descriptors that the caller has: each was opened by the Sentry or is a stream that the container was started with, and what
 * memory they name is read or written as data, in the caller's own memory. The kernel carries them out.
 */
export const descriptorCalls: Handlers = {
  ...allOf(
    `read readv pread64 preadv preadv2 writev pwrite64 pwritev pwritev2 close_range dup dup2 dup3 fcntl flock fsync
     fdatasync ftruncate fallocate fadvise64 readahead sendfile copy_file_range splice tee fstat fstatfs fchmod fchown pipe pipe2 poll ppoll select
     pselect6`,
    carryOn,
  ),
  ioctl: (call) => (openRequests.has(call.arg(1)) ? 'continue' : -ENOTTY),
  close,
  lseek,
  getdents64,
};

/**
 * Behind a descriptor of a directory in the synthetic /proc is one of the kernel's own proc file system, whose entries are never given. All
 * others are the kernel's to read.
 */
function getdents64(call: SystemCall, kernel: Kernel): Answer {
  const place = kernel.placeOf(call.tid, call.int(0));
  if (typeof place === 'number' || !isProc(place)) return 'continue';
  const task = kernel.tasks.find(call.tid);
  if (!task) return -ESRCH;
  const list = () => kernel.asCaller(call, () => kernel.proc.entries(place, task));
  const bytes = kernel.cursors.read(task.processId, call.int(0), Math.min(call.arg(2), maximumEntries), list);
  return typeof bytes === 'number' ? bytes : kernel.store(call, call.arg(1), bytes) || bytes.length;
}

function lseek(call: SystemCall, kernel: Kernel): Answer {
  const task = kernel.cursors.areNone ? undefined : kernel.tasks.find(call.tid);
  if (!task || !kernel.cursors.seek(task.processId, call.int(0), call.arg(1))) return 'continue';
  return call.int(2) === SEEK_SET ? call.arg(1) : -EINVAL;
}

function close(call: SystemCall, kernel: Kernel): Answer {
  const task = kernel.cursors.areNone ? undefined : kernel.tasks.find(call.tid);
  if (task) kernel.cursors.close(task.processId, call.int(0));
  return 'continue';
}
