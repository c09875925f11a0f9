import { closeSync } from 'node:fs';
import { bunLibc } from '../bun-libc.ts';
import { CniError, errorCodes } from '../types.ts';
import { addressFamily, messageFlag, messageType, NLMSGERR_ATTR_MSG, socket } from './constants.ts';
import type { Message, ReceivedMessage } from './message.ts';
import { Attributes, decodeMessages, encodeMessage, readText } from './message.ts';

/** Larger than any datagram that the kernel answers a dump with (netlink(7): 32 KiB). */
const receiveLength = 64 * 1024;
const MSG_DONTWAIT = 0x40;

/** Requests whose answer ends with a message of its own; that to any other is a single one. */
const endedByMessage = messageFlag.NLM_F_ACK | messageFlag.NLM_F_DUMP;

/** What the kernel answered: a positive errno where it refused, with its own words where it has some. */
export interface Reply {
  errno: number;
  reason?: string;
  messages: ReceivedMessage[];
}

/**
 * A socket of rtnetlink(7). It stays in the network namespace that it was made in. The kernel answers a request before send(2) returns, so
 * that no call waits for anything but the kernel's own work.
 */
export class RouteSocket {
  readonly #descriptor: number;
  readonly #received = new Uint8Array(receiveLength);
  #sequence = 0;

  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** In the network namespace of this thread; undefined where this program has no way to system calls. */
  static open(): RouteSocket | undefined {
    const libc = bunLibc();
    if (!libc) return undefined;
    const descriptor = libc.socket(addressFamily.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE);
    if (descriptor < 0) throw failure("can't be opened");
    const on = Uint8Array.of(1, 0, 0, 0);
    // Kernels that have neither do without the text of an error, and answer a dump with more than was asked for.
    for (const option of [socket.NETLINK_CAP_ACK, socket.NETLINK_EXT_ACK, socket.NETLINK_GET_STRICT_CHK])
      libc.setsockopt(descriptor, socket.SOL_NETLINK, option, on, on.length);
    return new RouteSocket(descriptor);
  }

  /** Sends a request and receives all of its answer. */
  request(message: Omit<Message, 'sequence'>): Reply {
    this.#sequence += 1;
    const bytes = encodeMessage({ ...message, sequence: this.#sequence });
    if ((bunLibc()?.send(this.#descriptor, bytes, bytes.length, 0) ?? -1) !== bytes.length) throw failure("can't be sent to");
    const messages: ReceivedMessage[] = [];
    for (;;) {
      for (const received of this.#receive()) {
        if (received.sequence !== this.#sequence) continue;
        if (received.type === messageType.NLMSG_ERROR) return { ...readError(received.payload), messages };
        if (received.type === messageType.NLMSG_DONE) return { errno: 0, messages };
        messages.push(received);
      }
      if (messages.length > 0 && (message.flags & endedByMessage) === 0) return { errno: 0, messages };
    }
  }

  /** The messages that answer a dump. */
  dump(type: number, body: Uint8Array, attributes: Message['attributes'] = []): Reply {
    return this.request({ type, flags: messageFlag.NLM_F_REQUEST | messageFlag.NLM_F_DUMP, body, attributes });
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #receive(): ReceivedMessage[] {
    const length = bunLibc()?.recv(this.#descriptor, this.#received, this.#received.length, MSG_DONTWAIT) ?? -1;
    if (length < 0) throw failure('has no answer');
    // A copy: what follows in the same dump is received into the same bytes.
    return decodeMessages(this.#received.slice(0, length));
  }
}

/** struct nlmsgerr: a negative errno and the header of the request; the attributes behind it only where there is an error. */
function readError(payload: DataView): { errno: number; reason?: string } {
  const errno = -payload.getInt32(0, true);
  const reason = errno === 0 ? undefined : readText(new Attributes(payload, 20).get(NLMSGERR_ATTR_MSG));
  return { errno, ...(reason ? { reason } : {}) };
}

function failure(what: string): CniError {
  return new CniError(errorCodes.ioFailure, what, { object: 'rtnetlink socket' });
}
