import { constants } from 'node:os';

/** What a shell, and CRI, give as the exit code of a process that a signal ended: 128 + its number. */
export function exitCodeOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

/** Of a process that SIGKILL ended: 137. */
export const killedExitCode = exitCodeOf('SIGKILL');

/** Of a container that never ran, as containerd gives it. */
export const neverRanExitCode = 128;

/** Of a container of which nobody knows how it ended. */
export const lostExitCode = 255;
