import { Interruption } from '../interruption.ts';

/** The exit status that shells give for a command that Ctrl-C has ended. */
const interruptedStatus = 130;

/** Does `work`, which Ctrl-C or SIGTERM tells to take back what it has begun. */
export async function interruptible(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const interruption = new Interruption();
  try {
    await work(interruption.signal);
  } catch (error) {
    if (!interruption.caused(error)) throw error;
    process.stderr.write('berth: interrupted\n');
    process.exitCode = interruptedStatus;
  } finally {
    interruption.release();
  }
}
