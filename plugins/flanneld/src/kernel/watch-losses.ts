import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { routeProtocol } from './entries.ts';

const pauseAfterEndMs = 5_000;

/** Our routes, and our devices with what is on them; on a busy host many others come and go. */
const deleted = new RegExp(`^Deleted .*(\\bflannel|\\bproto ${routeProtocol}\\b)`);
/** A device of ours that is down: its routes went without a word. */
const down = /^\d+: flannel[^:]*: <(?![^>]*\bUP\b)/;

/**
 * Calls `onLoss` for each link, address, route or neighbour of ours that the kernel forgets in this network namespace, and for each link that
 * goes down, until `signal` aborts. What goes unseen, as between two runs of `ip monitor`, is left to whoever looks from time to time.
 */
export async function watchLosses(signal: AbortSignal, onLoss: () => void): Promise<void> {
  while (!signal.aborted) {
    // Without a free descriptor it can't be started.
    await monitor(signal, onLoss).catch(() => undefined);
    await wait(pauseAfterEndMs, undefined, { signal }).catch(() => undefined);
  }
}

/** Does a line of `ip monitor` tell of such a loss? */
export function isLoss(line: string): boolean {
  return deleted.test(line) || down.test(line);
}

async function monitor(signal: AbortSignal, onLoss: () => void): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const child = spawn('ip', ['monitor', 'link', 'address', 'route', 'neigh'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    signal,
    killSignal: 'SIGKILL',
  });
  child.once('error', () => resolve());
  child.once('close', () => resolve());
  createInterface(child.stdout).on('line', (line) => {
    if (isLoss(line)) onLoss();
  });
  await promise;
}
