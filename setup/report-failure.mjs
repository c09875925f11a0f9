import { SetupError } from './setup-error.mjs';

/** @param {any} error Says what failed: the message if it was made for the user, else all there is. */
export function reportFailure(error) {
  process.stderr.write(error instanceof SetupError ? `berth: ${error.message}\n` : `${error.stack}\n`);
  process.exitCode = 1;
}
