import { closeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { endianness } from 'node:os';
import { PluginError } from '@berth/sdk/errors';

const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const EFD_CLOEXEC = 0o2000000;
const EAGAIN = 11;
const EINTR = 4;
const MSG_DONTWAIT = 0x40;
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const TUNSETIFF = 0x400454ca;
const IFF_TUN = 0x0001;
const IFF_NO_PI = 0x1000;
const interfaceNameBytes = 16;
const ifreqBytes = 40;
/** The kernel's limit for most hosts, doubled by it: what comes while this process isn't scheduled waits there. */
const socketBufferBytes = 212_992;

/** Linux system calls that the data plane needs and Node doesn't have. Descriptors are closed with Node's `closeSync()`. */
export interface SystemCalls {
  /** Makes a TUN device of an open /dev/net/tun, and gives its name. `%d` in the pattern becomes the first free number. */
  makeTun(descriptor: number, pattern: string): string;
  /** A UDP socket that is bound to an IPv4 address (`socketAddress()`). */
  bindUdp(address: Uint8Array): number;
  /** A counter that wakes a thread which polls it. */
  eventCounter(): number;
  /** Waits until one of the descriptors of `PollSet` has something to read, or is broken. */
  poll(set: PollSet): void;
  /** Reads into `bytes` and gives how many; 0 where there is nothing, -1 where the descriptor is broken. */
  read(descriptor: number, bytes: Uint8Array): number;
  /** What can't be written is lost, as packets are. */
  write(descriptor: number, bytes: Uint8Array, length: number): void;
  /** As `read`, of a socket; never waits. */
  receive(descriptor: number, bytes: Uint8Array): number;
  /** Sends a datagram, or loses it. */
  send(descriptor: number, bytes: Uint8Array, length: number, to: Uint8Array): void;
}

/** `struct sockaddr_in` (ip(7)). */
export function socketAddress(address: number, port: number): Uint8Array {
  const bytes = Buffer.alloc(16);
  new Uint16Array(bytes.buffer, bytes.byteOffset, 1)[0] = AF_INET;
  bytes.writeUInt16BE(port, 2);
  bytes.writeUInt32BE(address, 4);
  return bytes;
}

const POLLIN = 1;
const pollfdBytes = 8;

/** Descriptors to wait for: an array of `struct pollfd` (poll(2)). */
export class PollSet {
  readonly bytes: Buffer;
  readonly #view: DataView;

  constructor(descriptors: readonly number[]) {
    this.bytes = Buffer.alloc(descriptors.length * pollfdBytes);
    this.#view = new DataView(this.bytes.buffer, this.bytes.byteOffset);
    for (const [index, descriptor] of descriptors.entries()) {
      this.#view.setInt32(index * pollfdBytes, descriptor, littleEndian);
      this.#view.setInt16(index * pollfdBytes + 4, POLLIN, littleEndian);
    }
  }

  get length(): number {
    return this.bytes.length / pollfdBytes;
  }

  /** Forgets what the last wait found. */
  clear(): void {
    for (let index = 0; index < this.length; index++) this.#view.setInt16(index * pollfdBytes + 6, 0, littleEndian);
  }

  /** Has the descriptor something to read? */
  isReady(index: number): boolean {
    return (this.#revents(index) & POLLIN) !== 0;
  }

  /** Is the descriptor of something that is gone? */
  isBroken(index: number): boolean {
    return (this.#revents(index) & ~POLLIN) !== 0;
  }

  #revents(index: number): number {
    return this.#view.getInt16(index * pollfdBytes + 6, littleEndian);
  }
}

const littleEndian = endianness() === 'LE';

let bound: SystemCalls | undefined;

/** Binds them when the first is needed: other back ends need no native code. */
export function systemCalls(): SystemCalls {
  bound ??= bind();
  return bound;
}

function bind(): SystemCalls {
  const koffi: typeof import('koffi') = createRequire(import.meta.url)('koffi');
  const library = koffi.load(null);
  const ioctl = library.func('int ioctl(int fd, unsigned long request, void *argument)');
  const socket = library.func('int socket(int domain, int type, int protocol)');
  const setsockopt = library.func('int setsockopt(int fd, int level, int option, void *value, uint length)');
  const bindSocket = library.func('int bind(int fd, void *address, uint length)');
  const eventfd = library.func('int eventfd(uint count, int flags)');
  const poll = library.func('int poll(void *set, unsigned long count, int timeout)');
  const read = library.func('long read(int fd, void *bytes, size_t length)');
  const write = library.func('long write(int fd, void *bytes, size_t length)');
  const recv = library.func('long recv(int fd, void *bytes, size_t length, int flags)');
  const sendto = library.func('long sendto(int fd, void *bytes, size_t length, int flags, void *to, uint toLength)');

  /** What the last call says; `hints` by the names of errors. */
  function failed(call: string, object: string, hints: Record<string, string> = {}): PluginError {
    const errno = koffi.errno();
    const name = Object.entries(koffi.os.errno).find(([, number]) => number === errno)?.[0] ?? String(errno);
    const hint = hints[name];
    return new PluginError('INTERNAL', `${call} failed: ${name}`, { object, ...(hint ? { hint } : {}) });
  }

  function taken(result: number): number {
    if (result >= 0) return result;
    const errno = koffi.errno();
    return errno === EAGAIN || errno === EINTR ? 0 : -1;
  }

  return {
    makeTun(descriptor, pattern) {
      const request = Buffer.alloc(ifreqBytes);
      request.write(pattern, 0, interfaceNameBytes - 1);
      new DataView(request.buffer, request.byteOffset).setInt16(interfaceNameBytes, IFF_TUN | IFF_NO_PI, littleEndian);
      if (ioctl(descriptor, TUNSETIFF, request) !== 0) throw failed('ioctl TUNSETIFF', `TUN device ${pattern}`, { EPERM: 'run as root' });
      return request.toString('latin1', 0, request.indexOf(0));
    },
    bindUdp(address) {
      const descriptor: number = socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0);
      if (descriptor < 0) throw failed('socket', 'UDP socket');
      const size = Buffer.from(new Int32Array([socketBufferBytes]).buffer);
      for (const option of [SO_SNDBUF, SO_RCVBUF]) setsockopt(descriptor, SOL_SOCKET, option, size, size.length);
      if (bindSocket(descriptor, address, address.length) !== 0) {
        const port = Buffer.from(address).readUInt16BE(2);
        const error = failed('bind', `UDP socket of ${address.subarray(4, 8).join('.')}:${port}`, {
          EADDRINUSE: 'end the program that has the port, or choose another Backend.Port for the network',
          EADDRNOTAVAIL: 'give the address back to its interface, or start flanneld again',
        });
        closeSync(descriptor);
        throw error;
      }
      return descriptor;
    },
    eventCounter() {
      const descriptor: number = eventfd(0, EFD_CLOEXEC);
      if (descriptor < 0) throw failed('eventfd', 'event counter');
      return descriptor;
    },
    poll(set) {
      if (poll(set.bytes, set.length, -1) < 0) set.clear();
    },
    read: (descriptor, bytes) => taken(read(descriptor, bytes, bytes.length)),
    write: (descriptor, bytes, length) => void write(descriptor, bytes, length),
    receive: (descriptor, bytes) => taken(recv(descriptor, bytes, bytes.length, MSG_DONTWAIT)),
    send: (descriptor, bytes, length, to) => void sendto(descriptor, bytes, length, 0, to, to.length),
  };
}
