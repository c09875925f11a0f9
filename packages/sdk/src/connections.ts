import type { Socket } from 'node:net';

/** The connections that a server holds. */
export class Connections {
  readonly #open = new Set<Socket>();
  #whenNone: (() => void)[] = [];
  #refusing = false;

  add(socket: Socket): void {
    this.#open.add(socket);
    socket.once('close', () => this.#remove(socket));
    if (this.#refusing) socket.destroy();
  }

  /** Resolves when the last one has closed. */
  async none(): Promise<void> {
    if (this.#open.size > 0) await new Promise<void>((resolve) => this.#whenNone.push(resolve));
  }

  /** Breaks those that are open, and each that still comes. */
  destroy(): void {
    this.#refusing = true;
    for (const socket of this.#open) socket.destroy();
  }

  #remove(socket: Socket): void {
    this.#open.delete(socket);
    if (this.#open.size > 0) return;
    for (const resolve of this.#whenNone.splice(0)) resolve();
  }
}
