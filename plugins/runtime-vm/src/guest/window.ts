/** What a stream may send before its receiver grants more, in bytes (proto/guest.proto, Credit). */
export const initialWindow = 65_536;

/** The sender's side of one stream's flow control. */
export class SendWindow {
  #credit = initialWindow;
  #isClosed = false;
  #waiting: (() => void) | undefined;

  grant(bytes: number): void {
    this.#credit += bytes;
    this.#waiting?.();
  }

  /** Nobody takes the stream any more. */
  close(): void {
    this.#isClosed = true;
    this.#waiting?.();
  }

  /** Takes what may be sent of `wanted` bytes, at least one; waits where nothing may. None once it is closed. One caller at a time. */
  async take(wanted: number): Promise<number> {
    while (this.#credit === 0 && !this.#isClosed) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting = resolve;
      await promise;
    }
    if (this.#isClosed) return 0;
    const taken = Math.min(wanted, this.#credit);
    this.#credit -= taken;
    return taken;
  }
}
