import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { PluginError } from '@berth/sdk/errors';

const limitMs = 60_000;

/** Runs the caller's program that restarts the target; throws what it said if it fails or hangs. */
export async function restartCommand([program = '', ...args]: string[], signal: AbortSignal): Promise<void> {
  try {
    await promisify(execFile)(program, args, { timeout: limitMs, signal });
  } catch (error) {
    throw PluginError.from(error, 'FAILED_PRECONDITION', { object: `--target-restart ${program}`, hint: 'try the command by hand' });
  }
}
