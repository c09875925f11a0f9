import { EINTR } from './errno.ts';
import { Area, hostCall } from './host-calls.ts';
import { numberOf } from './syscall-numbers.ts';

const socket = numberOf('socket');
const bind = numberOf('bind');
const listen = numberOf('listen');
const accept4 = numberOf('accept4');
const setsockopt = numberOf('setsockopt');
const recvmsg = numberOf('recvmsg');
const close = numberOf('close');

const AF_UNIX = 1;
const SOCK_STREAM_CLOEXEC = 1 | 0o2000000;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SCM_RIGHTS = 1;
const MSG_CMSG_CLOEXEC = 0x4000_0000;
const SOCK_CLOEXEC = 0o2000000;
const backlog = 64;

/** Offsets in struct msghdr; and in a control message, which is a header of 16 bytes and descriptors of 4. */
const header = { size: 56, vectors: 16, vectorCount: 24, control: 32, controlLength: 40 };
const control = { size: 64, length: 0, level: 8, type: 12, data: 16 };

export interface Message {
  text: string;
  descriptors: number[];
}

/** A unix socket on which others pass descriptors (SCM_RIGHTS), which Node's sockets drop. Its calls wait: it needs a thread of its own. */
export class DescriptorSocket {
  readonly #listening: number;
  readonly #header = new Area(header.size);
  readonly #vector = new Area(16);
  readonly #control = new Area(control.size);
  readonly #data = new Area(16 * 1024);
  /** struct timeval. */
  readonly #patience = new Area(16);

  /** `patienceMs`: how long a sender may stay silent before what it has sent is taken for all. */
  constructor(path: string, patienceMs = 5000) {
    this.#patience.setUint64(0, Math.floor(patienceMs / 1000));
    this.#patience.setUint64(8, (patienceMs % 1000) * 1000);
    this.#listening = check(hostCall(socket, AF_UNIX, SOCK_STREAM_CLOEXEC, 0), 'socket');
    const address = new Area(110);
    address.view.setUint16(0, AF_UNIX, true);
    const length = address.bytes.write(path, 2);
    check(hostCall(bind, this.#listening, address.address, 2 + length + 1), `bind of ${path}`);
    check(hostCall(listen, this.#listening, backlog), 'listen');
  }

  /**
   * Waits for the next connection and reads what it sends: until `isWhole`, since senders may leave it open, or until it is closed, or
   * silent for too long, since others wait meanwhile.
   */
  next(isWhole: (text: string) => boolean): Message {
    const connection = check(
      uninterrupted(() => hostCall(accept4, this.#listening, 0, 0, SOCK_CLOEXEC)),
      'accept',
    );
    hostCall(setsockopt, connection, SOL_SOCKET, SO_RCVTIMEO, this.#patience.address, this.#patience.bytes.length);
    const received: Buffer[] = [];
    const message: Message = { text: '', descriptors: [] };
    while (!isWhole(message.text)) {
      const read = uninterrupted(() => this.#receive(connection));
      if (read <= 0) break;
      message.descriptors.push(...this.#descriptors());
      // A character may have come in two pieces.
      received.push(Buffer.from(this.#data.bytes.subarray(0, read)));
      message.text = Buffer.concat(received).toString();
    }
    hostCall(close, connection);
    return message;
  }

  #receive(connection: number): number {
    this.#vector.setUint64(0, this.#data.address);
    this.#vector.setUint64(8, this.#data.bytes.length);
    this.#header.bytes.fill(0);
    this.#header.setUint64(header.vectors, this.#vector.address);
    this.#header.setUint64(header.vectorCount, 1);
    this.#header.setUint64(header.control, this.#control.address);
    this.#header.setUint64(header.controlLength, control.size);
    return hostCall(recvmsg, connection, this.#header.address, MSG_CMSG_CLOEXEC);
  }

  /** Those that came with what was received last. */
  #descriptors(): number[] {
    if (this.#header.getUint64(header.controlLength) === 0) return [];
    const { view } = this.#control;
    if (view.getInt32(control.level, true) !== SOL_SOCKET || view.getInt32(control.type, true) !== SCM_RIGHTS) return [];
    const count = Math.floor((this.#control.getUint64(control.length) - control.data) / 4);
    return Array.from({ length: count }, (_, index) => view.getInt32(control.data + 4 * index, true));
  }
}

/** Makes a call that waits again where a signal came in between. */
function uninterrupted(call: () => number): number {
  for (;;) {
    const result = call();
    if (result !== -EINTR) return result;
  }
}

function check(result: number, what: string): number {
  if (result < 0) throw new Error(`${what} failed with errno ${-result}`);
  return result;
}
