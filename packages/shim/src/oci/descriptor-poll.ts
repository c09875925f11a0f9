import { closeSync, readSync, writeSync } from 'node:fs';
import { atFirstUse, libc } from '@berth/sdk/libc';
import { syscalls } from '../syscalls.ts';

type Readiness = 'readable' | 'writable';

interface Waiter {
  descriptor: number;
  readiness: Readiness;
  ready(): void;
}

const POLLIN = 1;
const POLLOUT = 4;
/** `struct pollfd`: int, short, short. */
const entryBytes = 8;

const calls = atFirstUse(() => ({
  poll: libc().library.func('int poll(uint8_t *descriptors, ulong count, int timeout)') as unknown as {
    async(descriptors: Uint8Array, count: number, timeout: number, done: (error: Error | null, ready: number) => void): void;
  },
}));

/**
 * Waits for file descriptors of kinds that Node has no streams for. One thread of libuv's pool is in poll(2) for all of them, while
 * there are any.
 */
export class DescriptorPoll {
  readonly #waiters = new Set<Waiter>();
  #wake: { read: number; write: number } | undefined;

  /** Resolves when the descriptor is ready, or has failed, which the next call on it tells; throws once `signal` is aborted. */
  async wait(descriptor: number, readiness: Readiness, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { descriptor, readiness, ready: resolve };
    const aborted = (): void => reject(signal.reason);
    signal.addEventListener('abort', aborted, { once: true });
    this.#waiters.add(waiter);
    this.#look();
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', aborted);
      this.#waiters.delete(waiter);
      if (this.#waiters.size === 0) this.#look();
    }
  }

  /** Has the thread look at what is waited for anew. */
  #look(): void {
    if (this.#wake) writeSync(this.#wake.write, '.');
    else if (this.#waiters.size > 0) void this.#run();
  }

  async #run(): Promise<void> {
    const wake = syscalls().pipe();
    this.#wake = wake;
    while (this.#waiters.size > 0) {
      const waiters = [...this.#waiters];
      const ready = await poll([{ descriptor: wake.read, readiness: 'readable' }, ...waiters]);
      if (ready[0]) readSync(wake.read, Buffer.alloc(4096));
      for (const [index, waiter] of waiters.entries()) if (ready[index + 1]) this.#waiters.delete(waiter) && waiter.ready();
    }
    this.#wake = undefined;
    closeSync(wake.read);
    closeSync(wake.write);
  }
}

/** Which of them are ready. */
async function poll(watched: Omit<Waiter, 'ready'>[]): Promise<boolean[]> {
  const entries = Buffer.alloc(watched.length * entryBytes);
  for (const [index, { descriptor, readiness }] of watched.entries()) {
    entries.writeInt32LE(descriptor, index * entryBytes);
    entries.writeInt16LE(readiness === 'readable' ? POLLIN : POLLOUT, index * entryBytes + 4);
  }
  const { promise, resolve } = Promise.withResolvers<void>();
  calls().poll.async(entries, watched.length, -1, () => resolve());
  await promise;
  return watched.map((_, index) => entries.readInt16LE(index * entryBytes + 6) !== 0);
}
