import { PluginError } from '@berth/sdk/errors';

/** The length ahead of each frame (proto/guest.proto). */
const lengthBytes = 4;

/** Far above what either side sends: a larger length is not from our peer, or out of step. */
const maxFrameBytes = 16 * 1024 * 1024;

/** A message as it goes over the port. */
export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(lengthBytes + message.length);
  framed.writeUInt32BE(message.length);
  framed.set(message, lengthBytes);
  return framed;
}

/** Finds the messages in what arrives from the port in pieces of any size. */
export class FrameReader {
  #pending: Buffer = Buffer.alloc(0);

  /** The messages that `chunk` completes. Throws DATA_LOSS where the stream is out of step: nothing after that can be read. */
  push(chunk: Uint8Array): Buffer[] {
    this.#pending = this.#pending.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#pending, chunk]);
    const messages: Buffer[] = [];
    for (let message = this.#take(); message; message = this.#take()) messages.push(message);
    return messages;
  }

  #take(): Buffer | undefined {
    if (this.#pending.length < lengthBytes) return undefined;
    const length = this.#pending.readUInt32BE();
    if (length > maxFrameBytes) throw new PluginError('DATA_LOSS', `a frame of ${length} bytes was announced`, { object: 'guest port' });
    if (this.#pending.length < lengthBytes + length) return undefined;
    const message = this.#pending.subarray(lengthBytes, lengthBytes + length);
    this.#pending = this.#pending.subarray(lengthBytes + length);
    return message;
  }
}
