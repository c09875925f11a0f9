import { EINTR, ENOENT } from './errno.ts';
import { closeDescriptor, O_CLOEXEC } from './files/host-files.ts';
import { Area, hostCall } from './host-calls.ts';
import { numberOf } from './syscall-numbers.ts';

/** A system call that waits for its answer. Valid until the next `receive`. */
export interface SystemCall {
  readonly number: number;
  /** The calling thread, in the host's numbers. */
  readonly tid: number;
  /** Argument 0 to 5 as an address: unsigned, exact up to 2^53, which none is above. */
  arg(index: number): number;
  /** The low half of an argument, as calls take `int`s and what is narrower: flags, modes. What is above it means nothing. */
  int(index: number): number;
  /** The whole of an argument, as calls take `off_t`. */
  long(index: number): bigint;
}

/** A descriptor of this process that the caller gets as the result of its call. */
interface GivenDescriptor {
  descriptor: number;
  closeOnExec: boolean;
}

/** A result; below 0 an errno. `continue` lets the kernel carry out the call itself, reading its arguments anew. */
export type Answer = number | 'continue' | GivenDescriptor;

/** An answer that has to be waited for, as at a named pipe that nobody has opened at its other end. Both functions are called by the responder. */
export interface LaterAnswer {
  /** Undefined while there is none yet. */
  retry(): Answer | undefined;
  /** The caller doesn't wait any more. */
  cancel(): void;
}

// linux/seccomp.h
const NOTIF_RECV = 0xc050_2100;
const NOTIF_SEND = 0xc018_2101;
const NOTIF_ID_VALID = 0x4008_2102;
const NOTIF_ADDFD = 0x4018_2103;
const NOTIF_SET_FLAGS = 0x4008_2104;
const USER_NOTIF_FD_SYNC_WAKE_UP = 1;
const USER_NOTIF_FLAG_CONTINUE = 1;
const ADDFD_FLAG_SEND = 2;
const AUDIT_ARCH_X86_64 = 0xc000_003e;
const POLLIN = 1;

const ioctl = numberOf('ioctl');
const poll = numberOf('poll');

/** Offsets in struct seccomp_notif and its seccomp_data, and in the structs of the answers. */
const request = { size: 80, id: 0, tid: 8, number: 16, architecture: 20, args: 32 };
const response = { size: 24, id: 0, value: 8, error: 16, flags: 20 };
const addition = { size: 24, id: 0, flags: 8, source: 12, target: 16, targetFlags: 20 };

/** The system calls of all processes under one seccomp filter, and the answers to them (seccomp_unotify(2)). */
export class Notifications implements SystemCall {
  readonly #descriptor: number;
  readonly #request = new Area(request.size);
  readonly #response = new Area(response.size);
  readonly #addition = new Area(addition.size);
  readonly #ready = new Area(8);

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
    this.#ready.view.setInt32(0, descriptor, true);
    this.#ready.view.setInt16(4, POLLIN, true);
  }

  /** Lets the kernel switch to the waiting side on the same CPU (Linux 6.6); false where it can't. */
  wakeOnSameCpu(): boolean {
    return hostCall(ioctl, this.#descriptor, NOTIF_SET_FLAGS, USER_NOTIF_FD_SYNC_WAKE_UP) === 0;
  }

  /** Waits for the next call, for `timeoutMs` at most (-1: without end). `ended` when no process is left under the filter. */
  receive(timeoutMs: number): 'call' | 'none' | 'ended' {
    for (;;) {
      // Older kernels don't end the ioctl when the last process has ended.
      const ready = hostCall(poll, this.#ready.address, 1, timeoutMs);
      if (ready === 0) return 'none';
      if (ready < 0) continue;
      if ((this.#ready.view.getInt16(6, true) & POLLIN) === 0) return 'ended';
      this.#request.bytes.fill(0);
      const result = hostCall(ioctl, this.#descriptor, NOTIF_RECV, this.#request.address);
      if (result === 0) return 'call';
      // A caller that was killed in between leaves ENOENT.
      if (result !== -ENOENT && result !== -EINTR) return 'ended';
    }
  }

  get number(): number {
    return this.#request.view.getInt32(request.number, true);
  }

  get tid(): number {
    return this.#request.view.getUint32(request.tid, true);
  }

  get isNative(): boolean {
    return this.#request.view.getUint32(request.architecture, true) === AUDIT_ARCH_X86_64;
  }

  arg(index: number): number {
    return this.#request.getUint64(request.args + 8 * index);
  }

  int(index: number): number {
    return this.#request.view.getInt32(request.args + 8 * index, true);
  }

  long(index: number): bigint {
    return this.#request.view.getBigInt64(request.args + 8 * index, true);
  }

  /** What the present call can be answered by after others have come. */
  get id(): Uint8Array {
    return Uint8Array.from(this.#request.bytes.subarray(request.id, request.id + 8));
  }

  /** Whether the caller still waits: else its number may already be another thread's, and what was read there too. */
  isWaiting(): boolean {
    return hostCall(ioctl, this.#descriptor, NOTIF_ID_VALID, this.#request.address + request.id) === 0;
  }

  /** The same of an earlier call. */
  isWaitingFor(id: Uint8Array): boolean {
    this.#response.bytes.set(id);
    return hostCall(ioctl, this.#descriptor, NOTIF_ID_VALID, this.#response.address) === 0;
  }

  /**
   * Gives the answer to the present call, or to an earlier one. False if the caller no longer waits: a signal or its death came first. A
   * descriptor is closed here either way.
   */
  answer(answer: Answer, id: Uint8Array = this.#request.bytes.subarray(request.id, request.id + 8)): boolean {
    this.#response.bytes.set(id, response.id);
    this.#addition.bytes.set(id, addition.id);
    return typeof answer === 'object' ? this.#handOver(answer) : this.#send(answer);
  }

  #send(answer: number | 'continue'): boolean {
    const { view } = this.#response;
    const continues = answer === 'continue';
    this.#response.setUint64(response.value, continues || answer < 0 ? 0 : answer);
    view.setInt32(response.error, continues || answer >= 0 ? 0 : answer, true);
    view.setUint32(response.flags, continues ? USER_NOTIF_FLAG_CONTINUE : 0, true);
    return hostCall(ioctl, this.#descriptor, NOTIF_SEND, this.#response.address) === 0;
  }

  #handOver({ descriptor, closeOnExec }: GivenDescriptor): boolean {
    const { view } = this.#addition;
    view.setUint32(addition.flags, ADDFD_FLAG_SEND, true);
    view.setUint32(addition.source, descriptor, true);
    view.setUint32(addition.target, 0, true);
    view.setUint32(addition.targetFlags, closeOnExec ? O_CLOEXEC : 0, true);
    const given = hostCall(ioctl, this.#descriptor, NOTIF_ADDFD, this.#addition.address);
    closeDescriptor(descriptor);
    if (given >= 0) return true;
    // Such as EMFILE: the caller is told.
    return given === -ENOENT ? false : this.#send(given);
  }
}
