import { closeSync } from 'node:fs';
import { PluginError } from '@berth/sdk/errors';
import { atFirstUse, libc } from '@berth/sdk/libc';
import { DescriptorPoll } from './descriptor-poll.ts';

const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;
const SHUT_WR = 1;
const addressBytes = 110;

const errnos = { EAGAIN: 11, EPIPE: 32, ECONNRESET: 104 } as const;

type Call = (descriptor: number, bytes: Uint8Array, length: number, flags: number) => number;

const calls = atFirstUse(() => {
  const { koffi, library, failed } = libc();
  return {
    socket: library.func('int socket(int domain, int type, int protocol)') as (domain: number, type: number, protocol: number) => number,
    connect: library.func('int connect(int fd, uint8_t *address, uint length)') as (
      descriptor: number,
      address: Uint8Array,
      length: number,
    ) => number,
    recv: library.func('long recv(int fd, _Out_ uint8_t *bytes, size_t length, int flags)') as Call,
    send: library.func('long send(int fd, uint8_t *bytes, size_t length, int flags)') as Call,
    shutdown: library.func('int shutdown(int fd, int how)') as (descriptor: number, how: number) => number,
    errno: () => koffi.errno(),
    failed,
  };
});

const descriptors = new DescriptorPoll();

/** A unix socket that keeps the bounds of messages (SOCK_SEQPACKET), which Node's sockets can't be. */
export class PacketSocket {
  readonly #path: string;
  readonly #descriptor: number;
  #closed = false;

  /** Connects at once, or throws. A path has 107 bytes at most. */
  constructor(path: string) {
    const { socket, connect, failed } = calls();
    const address = Buffer.alloc(addressBytes);
    address.writeUInt16LE(AF_UNIX);
    if (Buffer.byteLength(path) > addressBytes - 3) throw new PluginError('INVALID_ARGUMENT', 'the path is too long', { object: path });
    address.write(path, 2);
    this.#path = path;
    this.#descriptor = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (this.#descriptor < 0) throw failed('socket', path);
    if (connect(this.#descriptor, address, address.length) === 0) return;
    const error = failed('connect', path);
    this.close();
    throw error;
  }

  /** The next message, cut at `most` bytes; undefined when the other side has closed. */
  async receive(most: number, signal: AbortSignal): Promise<Buffer | undefined> {
    const message = Buffer.alloc(most);
    for (;;) {
      signal.throwIfAborted();
      const length = calls().recv(this.#descriptor, message, most, 0);
      if (length > 0) return message.subarray(0, length);
      if (length === 0 || calls().errno() === errnos.ECONNRESET) return undefined;
      if (calls().errno() !== errnos.EAGAIN) throw calls().failed('recv', this.#path);
      await descriptors.wait(this.#descriptor, 'readable', signal);
    }
  }

  /** False when the other side takes no more. */
  async send(message: Uint8Array, signal: AbortSignal): Promise<boolean> {
    for (;;) {
      if (this.#closed) return false;
      signal.throwIfAborted();
      if (calls().send(this.#descriptor, message, message.length, MSG_NOSIGNAL) >= 0) return true;
      const errno = calls().errno();
      if (errno === errnos.EPIPE || errno === errnos.ECONNRESET) return false;
      if (errno !== errnos.EAGAIN) throw calls().failed('send', this.#path);
      await descriptors.wait(this.#descriptor, 'writable', signal);
    }
  }

  /** Tells the other side that nothing more is sent; it may go on. */
  endSending(): void {
    if (!this.#closed) calls().shutdown(this.#descriptor, SHUT_WR);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#descriptor);
  }
}
