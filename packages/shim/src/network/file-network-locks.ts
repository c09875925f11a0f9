import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { NetworkLocks } from '@berth/sdk/cni/runner';
import { PluginError } from '@berth/sdk/errors';
import { syscalls } from '../syscalls.ts';

type Kind = 'shared' | 'exclusive';

const shortestPauseMs = 1;
const longestPauseMs = 20;

/**
 * The locks of networks for all processes of this host that share a cache of results: several shims, and `berth cni`. Two files for each
 * network, its lock `CACHE/locks/NETWORK` and its gate `CACHE/locks/.gates/NETWORK`; the kernel gives them back when their holder dies. Who wants a
 * network alone holds its gate while he waits for the others, so that a stream of them can't keep him waiting.
 */
export class FileNetworkLocks implements NetworkLocks {
  readonly #directory: string;
  /** No network's name begins with a dot. */
  readonly #gates: string;

  constructor(cacheDir: string) {
    this.#directory = join(cacheDir, 'locks');
    this.#gates = join(this.#directory, '.gates');
  }

  async shared<Result>(network: string, signal: AbortSignal | undefined, work: () => Promise<Result>): Promise<Result> {
    return this.#holding('shared', network, signal, work);
  }

  async exclusive<Result>(network: string, signal: AbortSignal | undefined, work: () => Promise<Result>): Promise<Result> {
    return this.#holding('exclusive', network, signal, work);
  }

  async #holding<Result>(kind: Kind, network: string, signal: AbortSignal | undefined, work: () => Promise<Result>): Promise<Result> {
    mkdirSync(this.#gates, { recursive: true, mode: 0o700 });
    const lock = await this.#pastGate(kind, network, signal);
    try {
      return await work();
    } finally {
      closeSync(lock);
    }
  }

  async #pastGate(kind: Kind, network: string, signal: AbortSignal | undefined): Promise<number> {
    const gate = await locked(join(this.#gates, network), kind, signal);
    try {
      return await locked(join(this.#directory, network), kind, signal);
    } finally {
      closeSync(gate);
    }
  }
}

/** The open descriptor of the file, which holds the lock until it is closed. */
async function locked(path: string, kind: Kind, signal: AbortSignal | undefined): Promise<number> {
  const descriptor = openSync(path, 'a', 0o600);
  try {
    for (let pauseMs = shortestPauseMs; !syscalls().tryLock(descriptor, kind); pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      await setTimeout(pauseMs, undefined, { signal }).catch((cause) => {
        const code = signal?.reason?.name === 'TimeoutError' ? 'DEADLINE_EXCEEDED' : 'CANCELLED';
        throw new PluginError(code, 'somebody else still works on this CNI network', { object: path, hint: 'try again', cause });
      });
    }
    return descriptor;
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}
