import { createRequire } from 'node:module';

const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');

/** Numbers beyond 53 bits are bigints. */
export type HostArgument = number | bigint;

// The plain system call: wrappers of libc would change the credentials of all threads where only this one's are meant.
const syscall = koffi
  .load(null)
  .func('int64_t syscall(int64_t number, int64_t a, int64_t b, int64_t c, int64_t d, int64_t e, int64_t f)') as unknown as (
  ...args: HostArgument[]
) => number;

/** Makes a system call of the host for this thread. As in the kernel itself, a result below 0 is an errno. */
export function hostCall(
  number: number,
  a: HostArgument = 0,
  b: HostArgument = 0,
  c: HostArgument = 0,
  d: HostArgument = 0,
  e: HostArgument = 0,
  f: HostArgument = 0,
): number {
  const result = syscall(number, a, b, c, d, e, f);
  return result === -1 ? -koffi.errno() : result;
}

/** Memory at a fixed address, so that it can be named in a system call: as long as the area is kept. */
export class Area {
  readonly address: number;
  readonly bytes: Buffer;
  readonly view: DataView;

  constructor(size: number) {
    const memory = new ArrayBuffer(size);
    this.address = Number(koffi.address(memory));
    this.bytes = Buffer.from(memory);
    this.view = new DataView(memory);
  }

  /** Puts a C string there, of one byte a character (latin1: paths are bytes), and gives its address. */
  text(value: string, offset = 0): number {
    const end = offset + this.bytes.write(value, offset, this.bytes.length - offset - 1, 'latin1');
    this.bytes[end] = 0;
    return this.address + offset;
  }

  /** Writes an unsigned 64-bit number of at most 53 bits. */
  setUint64(offset: number, value: number): void {
    this.view.setUint32(offset, value >>> 0, true);
    this.view.setUint32(offset + 4, Math.floor(value / 0x1_0000_0000), true);
  }

  getUint64(offset: number): number {
    return this.view.getUint32(offset, true) + this.view.getUint32(offset + 4, true) * 0x1_0000_0000;
  }
}
