import { ENXIO } from '../errno.ts';
import { closeDescriptor, O_ACCMODE, O_CLOEXEC, O_NONBLOCK, O_PATH, O_RDONLY, O_WRONLY, reopen } from '../files/host-files.ts';
import { Area, hostCall } from '../host-calls.ts';
import type { Answer, LaterAnswer } from '../notifications.ts';
import { numberOf } from '../syscall-numbers.ts';

const fcntl = numberOf('fcntl');
const pipe2 = numberOf('pipe2');
const poll = numberOf('poll');
const tee = numberOf('tee');

const F_SETFL = 4;
const SPLICE_F_NONBLOCK = 2;
const POLLIN = 1;
const POLLHUP = 0x10;

/** A struct pollfd, or two descriptors. */
const area = new Area(8);

interface Opening {
  flags: number;
  /** Does something with the caller's rights. */
  asCaller(work: () => number): number;
  given(descriptor: number): Answer;
}

/**
 * Opens the named pipe that `at` is. Who opens one end waits for the other (fifo(7)), in its own call and not in the Sentry, which others
 * need meanwhile: perhaps for the other end.
 */
export function openNamedPipe(at: number, opening: Opening): Answer | LaterAnswer {
  const { flags, asCaller, given } = opening;
  const access = flags & O_ACCMODE;
  if (!(flags & O_NONBLOCK) && access === O_RDONLY) return openForReading(at, opening);
  if (!(flags & O_NONBLOCK) && access === O_WRONLY) return openForWriting(at, opening);
  return given(asCaller(() => reopen(at, flags)));
}

/** It is open from the start, so that a writer finds it. */
function openForReading(at: number, { flags, asCaller, given }: Opening): Answer | LaterAnswer {
  const opened = asCaller(() => reopen(at, flags | O_NONBLOCK));
  if (opened < 0) return opened;
  return {
    retry: () => (hasHadWriter(opened) ? given(blocking(opened, flags)) : undefined),
    cancel: () => closeDescriptor(opened),
  };
}

function openForWriting(at: number, { flags, asCaller, given }: Opening): Answer | LaterAnswer {
  const place = reopen(at, O_PATH);
  if (place < 0) return place;
  return {
    retry() {
      const opened = asCaller(() => reopen(place, flags | O_NONBLOCK));
      if (opened === -ENXIO) return undefined;
      closeDescriptor(place);
      return given(blocking(opened, flags));
    },
    cancel: () => closeDescriptor(place),
  };
}

function blocking(descriptor: number, flags: number): number {
  if (descriptor >= 0) hostCall(fcntl, descriptor, F_SETFL, flags & ~O_NONBLOCK);
  return descriptor;
}

/** Whether there is, or has been, somebody at the other end of a pipe that is open for reading. Nothing of what is in it is taken. */
function hasHadWriter(descriptor: number): boolean {
  area.view.setInt32(0, descriptor, true);
  area.view.setInt16(4, POLLIN, true);
  area.view.setInt16(6, 0, true);
  hostCall(poll, area.address, 1, 0);
  if (area.view.getInt16(6, true) & (POLLIN | POLLHUP)) return true;
  hostCall(pipe2, area.address, O_CLOEXEC);
  const [from, to] = [area.view.getInt32(0, true), area.view.getInt32(4, true)];
  // 0 without a writer; EAGAIN with one that has written nothing.
  const copied = hostCall(tee, descriptor, to, 1, SPLICE_F_NONBLOCK);
  closeDescriptor(from);
  closeDescriptor(to);
  return copied !== 0;
}
