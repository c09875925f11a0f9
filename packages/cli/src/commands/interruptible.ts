import { Interruption } from './interruption.ts';

/** Does `work`, which Ctrl-C or SIGTERM tells to take back what it has begun; the exit status is then 130 or 143. */
export async function interruptible(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const interruption = new Interruption();
  try {
    await work(interruption.signal);
  } catch (error) {
    if (!interruption.caused(error)) throw error;
    process.stderr.write('berth: interrupted\n');
    process.exitCode = interruption.exitStatus;
  } finally {
    interruption.release();
  }
}
