import { constants, openSync, writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { GuestFrame, HostFrame } from '@berth/sdk/guest';
import { FrameReader, frame } from '../guest/frames.ts';

/** How long a full port is left before it is tried again: the kernel has no event for room in it that Bun hands on. */
const fullPortMs = 2;

/** The virtio-serial port to the monitor. */
export class Port {
  readonly #descriptor: number;
  #written: Promise<void> = Promise.resolve();

  /** A port can be opened once only: the same descriptor is read and written. */
  constructor(path: string) {
    this.#descriptor = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  }

  /** Sends after what was sent before. Resolves when the host has it. */
  async send(body: GuestFrame['body']): Promise<void> {
    const data = frame(GuestFrame.encode({ body }).finish());
    this.#written = this.#written.then(() => this.#write(data));
    await this.#written;
  }

  async *frames(): AsyncGenerator<HostFrame> {
    const reader = new FrameReader();
    for await (const chunk of Bun.file(this.#descriptor).stream()) {
      for (const message of reader.push(chunk)) yield HostFrame.decode(message);
    }
  }

  async #write(data: Buffer): Promise<void> {
    for (let sent = 0; sent < data.length; ) {
      try {
        sent += writeSync(this.#descriptor, data, sent);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
        await delay(fullPortMs);
      }
    }
  }
}
