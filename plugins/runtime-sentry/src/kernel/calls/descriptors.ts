import { ENOTTY } from '../errno.ts';
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
  close: (call, kernel) => {
    kernel.cursors.closed(kernel, call);
    return 'continue';
  },
  lseek: (call, kernel) => kernel.cursors.seek(kernel, call) ?? 'continue',
  getdents64: (call, kernel) => kernel.cursors.next(kernel, call) ?? 'continue',
};
