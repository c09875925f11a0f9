import { constants } from 'node:os';

/** The number of a signal in the form that `Runtime.signal` takes: `SIGTERM`, a real-time one by number. */
export function signalNumber(posixSignal: string): number {
  return constants.signals[posixSignal as NodeJS.Signals] ?? Number(posixSignal);
}

/** What a shell, and CRI, give as the exit code of a process that a signal ended: 128 + its number. */
export function exitCodeOf(posixSignal: string): number {
  return 128 + signalNumber(posixSignal);
}

/** Of a process that SIGKILL ended: 137. */
export const killedExitCode = exitCodeOf('SIGKILL');

/** Of a container that never ran, as containerd gives it. */
export const neverRanExitCode = 128;

/** Of a container of which nobody knows how it ended. */
export const lostExitCode = 255;
