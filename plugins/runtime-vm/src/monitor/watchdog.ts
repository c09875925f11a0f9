import { setTimeout as delay } from 'node:timers/promises';

/** Pings in the time that the guest may be silent. */
const pingsPerLimit = 4;

/**
 * Pings the guest until `signal` is aborted, and resolves if one ping isn't answered within `limitMs`: the guest, or QEMU, hangs.
 * `ping` rejects when its deadline has passed.
 */
export async function watchGuest(ping: (deadlineMs: number) => Promise<unknown>, limitMs: number, signal: AbortSignal): Promise<void> {
  try {
    for (;;) {
      await delay(limitMs / pingsPerLimit, undefined, { signal });
      await ping(limitMs);
    }
  } catch {
    // Either the ping's deadline has passed, or the machine has ended: the caller knows which.
  }
}
