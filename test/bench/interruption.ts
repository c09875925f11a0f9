import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

const interrupted = new AbortController();

/** Throws once Ctrl-C, SIGTERM or SIGHUP has come. To be called between two pods: what is thrown there takes back all that was made. */
export function pauseForInterruption(): void {
  interrupted.signal.throwIfAborted();
}

/** Waits so many milliseconds, or until one of these signals comes, which is thrown as by `pauseForInterruption`. */
export async function waitOrInterruption(milliseconds: number): Promise<void> {
  await sleep(milliseconds, undefined, { signal: interrupted.signal }).catch(pauseForInterruption);
}

/** Runs a bench to its end, or to its next pause after an interruption: its exit status is then what shells tell of a process that the signal ended. */
export async function interruptible(bench: () => Promise<void>): Promise<void> {
  let status = 0;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      status ||= 128 + constants.signals[signal];
      interrupted.abort();
    });
  }
  try {
    await bench();
  } catch (error) {
    if (error !== interrupted.signal.reason) throw error;
    process.stderr.write('interrupted\n');
    process.exitCode = status;
  }
}
