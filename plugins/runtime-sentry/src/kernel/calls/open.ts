import { EACCES, EEXIST, EINVAL, EISDIR, ELOOP, ENOENT, ENOTDIR, ENXIO } from '../errno.ts';
import {
  identityOf,
  isAnonymousPipe,
  O_ACCMODE,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOCTTY,
  O_NOFOLLOW,
  O_PATH,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
  openInRoot,
  reopen,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFSOCK,
  VALID_OPEN_FLAGS,
} from '../files/host-files.ts';
import type { Kernel } from '../kernel.ts';
import type { Answer, LaterAnswer, SystemCall } from '../notifications.ts';
import type { Handlers } from './handler.ts';
import { openNamedPipe } from './named-pipe.ts';

/** /dev/null, zero, full, random and urandom, by their device numbers: the only devices that can be opened. */
const openDevices = new Set([0x103, 0x105, 0x107, 0x108, 0x109]);

/** All that counts besides O_PATH. */
const placeFlags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

/** Tries against somebody who makes and removes the same name meanwhile. */
const maximumTries = 8;

/** Opened by the Sentry with the caller's rights; the caller gets the descriptor. */
export const openCalls: Handlers = {
  open: (call, kernel) => open(call, kernel, kernel.pathOf(call, 0), call.int(1), call.int(2)),
  openat: (call, kernel) => open(call, kernel, kernel.pathOf(call, 1, 0), call.int(2), call.int(3)),
  creat: (call, kernel) => open(call, kernel, kernel.pathOf(call, 0), O_CREAT | O_WRONLY | O_TRUNC, call.int(1)),
};

function open(call: SystemCall, kernel: Kernel, path: string | number, asked: number, mode: number): Answer | LaterAnswer {
  const flags = asked & (asked & O_PATH ? placeFlags : VALID_OPEN_FLAGS);
  if (flags & O_TMPFILE || (flags & O_CREAT && flags & O_DIRECTORY)) return -EINVAL;
  if (typeof path === 'number') return path;
  const exclusive = (flags & O_CREAT) !== 0 && (flags & O_EXCL) !== 0;
  const follow = (flags & O_NOFOLLOW) === 0 && !exclusive;
  for (let tries = 0; tries < maximumTries; tries++) {
    const opened = exclusive ? -ENOENT : openExisting(call, kernel, path, flags, follow);
    // A file with a slash behind it is the kernel's to refuse, as a new name with one.
    if (!(flags & O_CREAT) || (opened !== -ENOENT && opened !== -ENOTDIR)) return opened;
    const created = create(call, kernel, path, flags, mode, follow);
    if (created !== -EEXIST || exclusive) return given(created, flags);
  }
  return -ELOOP;
}

function given(descriptor: number, flags: number): Answer {
  return descriptor < 0 ? descriptor : { descriptor, closeOnExec: (flags & O_CLOEXEC) !== 0 };
}

function openExisting(call: SystemCall, kernel: Kernel, path: string, flags: number, follow: boolean): Answer | LaterAnswer {
  return kernel.at<Answer | LaterAnswer>(call, path, follow, (found, task) => {
    if (found.kind === 'proc') return kernel.proc.open(found.path, flags, task);
    // They are lent already, but a named pipe may be opened later, when they have been given back.
    return openFound(found.at, flags, (work) => kernel.credentials.lend(task.credentials, work));
  });
}

/** What it is, is looked at before it is opened: opening alone does things to devices, and waits at pipes. */
function openFound(at: number, flags: number, asCaller: (work: () => number) => number): Answer | LaterAnswer {
  const identity = identityOf(at);
  if (typeof identity === 'number') return identity;
  const type = identity.mode & S_IFMT;
  if (type === S_IFLNK) return -ELOOP;
  if (type === S_IFSOCK) return -ENXIO;
  if (type === S_IFBLK || (type === S_IFCHR && !openDevices.has(identity.rdev))) return -EACCES;
  if (type === S_IFDIR && (flags & O_CREAT || flags & O_ACCMODE)) return -EISDIR;
  // A mere place (O_PATH) can't be given to another process: it gets what it could read there.
  const wanted = (flags & O_PATH ? flags & O_DIRECTORY : flags & ~(O_CREAT | O_EXCL | O_NOFOLLOW)) | O_NOCTTY;
  if (type === S_IFIFO && !isAnonymousPipe(at)) {
    return openNamedPipe(at, { flags: wanted, asCaller, given: (descriptor) => given(descriptor, flags) });
  }
  return given(reopen(at, wanted), flags);
}

function create(call: SystemCall, kernel: Kernel, path: string, flags: number, mode: number, follow: boolean): number {
  const wanted = (flags & ~O_TRUNC) | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY;
  return kernel.make(call, path, mode, ({ directory, name }, masked) => openInRoot(directory, name, wanted, masked), follow);
}
