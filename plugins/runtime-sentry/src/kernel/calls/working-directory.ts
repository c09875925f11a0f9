import type { Kernel } from '../kernel.ts';
import type { Answer, SystemCall } from '../notifications.ts';
import type { Handlers } from './handler.ts';

/**
 * The kernel keeps the working directory, for the programs that it executes. It can only be in the container's mount namespace; and
 * to the Sentry it is no more than a text that relative paths are put behind, so that it doesn't matter which path the kernel reads.
 */
export const workingDirectoryCalls: Handlers = { chdir };

function chdir(call: SystemCall, kernel: Kernel): Answer {
  const found = kernel.at(call, kernel.pathOf(call, 0), true, () => 0);
  return found < 0 ? found : 'continue';
}
