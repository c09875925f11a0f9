/** How a shell tells of a process that SIGINT ended. */
const interruptedStatus = 130;

const interrupted = new AbortController();

/** Throws once Ctrl-C, SIGTERM or SIGHUP has come. To be called between two pods: what is thrown there takes back all that was made. */
export function pauseForInterruption(): void {
  interrupted.signal.throwIfAborted();
}

/** Runs a bench to its end, or to its next pause after an interruption. */
export async function interruptible(bench: () => Promise<void>): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupted.abort());
  try {
    await bench();
  } catch (error) {
    if (error !== interrupted.signal.reason) throw error;
    process.stderr.write('interrupted\n');
    process.exitCode = interruptedStatus;
  }
}
