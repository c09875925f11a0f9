import { EFAULT, ENAMETOOLONG, ESRCH } from './errno.ts';
import { Area, hostCall } from './host-calls.ts';
import { numberOf } from './syscall-numbers.ts';

const process_vm_readv = numberOf('process_vm_readv');
const process_vm_writev = numberOf('process_vm_writev');

const PATH_MAX = 4096;
const pageSize = 4096;

/**
 * The memory of calling threads. What is read there is copied once and never read again: other threads may change it meanwhile. A caller
 * that no longer waits is ESRCH: its number may be somebody else's by now.
 */
export class TaskMemory {
  readonly #isWaiting: () => boolean;
  readonly #local = new Area(64 * 1024);
  readonly #vectors = new Area(32);

  /** `isWaiting` tells whether the caller whose memory is meant still waits for its answer. */
  constructor(isWaiting: () => boolean) {
    this.#isWaiting = isWaiting;
    this.#vectors.setUint64(0, this.#local.address);
  }

  /** A path at `address`, a character a byte; or an errno. */
  path(tid: number, address: number): string | number {
    for (let length = 0; length < PATH_MAX; ) {
      // Never across the end of a page: the next one may not be there.
      const wanted = Math.min(pageSize - ((address + length) % pageSize), PATH_MAX - length);
      const read = this.#transfer(process_vm_readv, tid, address + length, length, wanted);
      if (read < 0) return read;
      const end = this.#local.bytes.indexOf(0, length);
      if (end >= 0 && end < length + read) return !this.#isWaiting() ? -ESRCH : this.#local.bytes.toString('latin1', 0, end);
      length += read;
    }
    return -ENAMETOOLONG;
  }

  /** At most 64 KiB, as a copy; or an errno. */
  read(tid: number, address: number, size: number): Buffer | number {
    const read = this.#transfer(process_vm_readv, tid, address, 0, size);
    if (read < 0) return read;
    if (!this.#isWaiting()) return -ESRCH;
    return read === size ? Buffer.from(this.#local.bytes.subarray(0, size)) : -EFAULT;
  }

  /** At most 64 KiB. 0, or an errno. */
  write(tid: number, address: number, bytes: Uint8Array): number {
    if (!this.#isWaiting()) return -ESRCH;
    this.#local.bytes.set(bytes);
    const written = this.#transfer(process_vm_writev, tid, address, 0, bytes.length);
    if (written < 0) return written;
    return written === bytes.length ? 0 : -EFAULT;
  }

  #transfer(direction: number, tid: number, address: number, offset: number, size: number): number {
    this.#vectors.setUint64(0, this.#local.address + offset);
    this.#vectors.setUint64(8, size);
    this.#vectors.setUint64(16, address);
    this.#vectors.setUint64(24, size);
    const moved = hostCall(direction, tid, this.#vectors.address, 1, this.#vectors.address + 16, 1, 0);
    return moved === 0 && size > 0 ? -EFAULT : moved;
  }
}
