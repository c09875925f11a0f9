import { stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** Longest that a process is waited for. One that executes the file that it is already in can't be seen doing so. */
const patienceMs = 10_000;

/** The file that a process executes, as a text to be compared; undefined for one that has ended. */
export async function executableOf(pid: number): Promise<string | undefined> {
  const file = await stat(`/proc/${pid}/exe`, { bigint: true }).catch(() => undefined);
  return file && `${file.dev}:${file.ino}`;
}

/** Resolves when a process that executed `executable` executes another file, or has ended. */
export async function untilExecve(pid: number, executable: string, signal: AbortSignal): Promise<void> {
  const limit = AbortSignal.timeout(patienceMs);
  while (!limit.aborted && (await executableOf(pid)) === executable) {
    signal.throwIfAborted();
    await delay(1);
  }
}
