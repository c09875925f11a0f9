import { setTimeout } from 'node:timers/promises';
import { CniError, errorCodes } from './types.ts';

const firstPauseMs = 100;
const longestPauseMs = 1000;

/**
 * Does `attempt` again while a plugin answers it with "try again later" (code 11): after 0.1, 0.2, 0.4, 0.8 and then every 1.0 seconds, for
 * `limitMs` in all. After that, and once `signal` is aborted, the plugin's last answer is thrown.
 */
export async function tryAgain<Result>(limitMs: number, signal: AbortSignal | undefined, attempt: () => Promise<Result>): Promise<Result> {
  const end = performance.now() + limitMs;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    try {
      return await attempt();
    } catch (thrown) {
      if (!isTryAgainLater(thrown) || performance.now() + pauseMs > end) throw thrown;
      const waited = await setTimeout(pauseMs, true, { signal }).catch(() => false);
      if (!waited) throw thrown;
    }
  }
}

function isTryAgainLater(thrown: unknown): boolean {
  return thrown instanceof CniError && thrown.cniCode === errorCodes.tryAgainLater;
}
