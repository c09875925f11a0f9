import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { CniError, errorCodes } from './types.ts';

/**
 * Sets a kernel parameter by its file in /proc/sys. One that the kernel doesn't have is passed over, and only what differs is
 * written: /proc/sys may be read-only where the host is set up already. Throws a CniError (code 5) that names the file.
 */
export function setSysctl(file: string, value: string): void {
  if (!existsSync(file) || readFileSync(file, 'utf8').trim() === value) return;
  try {
    writeFileSync(file, value);
  } catch (cause) {
    throw new CniError(errorCodes.ioFailure, (cause as Error).message, { object: file, cause, hint: `set it to ${value}` });
  }
}

/** Sets a kernel parameter, named as below /proc/sys, where it can be set. */
export function trySysctl(key: string, value: string): void {
  try {
    writeFileSync(`/proc/sys/${key}`, value);
  } catch {}
}
