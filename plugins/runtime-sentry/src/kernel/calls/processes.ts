import { EINVAL } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import type { Answer, SystemCall } from '../notifications.ts';
import type { Handlers } from './handler.ts';

/** Options of prctl about the caller alone (linux/prctl.h); those that filter its calls, or trace, aren't among them. */
const openOptions = new Set([
  1, // PR_SET_PDEATHSIG
  2, // PR_GET_PDEATHSIG
  3, // PR_GET_DUMPABLE
  7, // PR_GET_KEEPCAPS
  8, // PR_SET_KEEPCAPS
  15, // PR_SET_NAME
  16, // PR_GET_NAME
  23, // PR_CAPBSET_READ
  24, // PR_CAPBSET_DROP
  30, // PR_GET_TIMERSLACK
  36, // PR_SET_CHILD_SUBREAPER
  37, // PR_GET_CHILD_SUBREAPER
  38, // PR_SET_NO_NEW_PRIVS
  39, // PR_GET_NO_NEW_PRIVS
  47, // PR_CAP_AMBIENT
]);

/** What a process becomes. That it is made, runs and ends is left to the kernel. */
export const processCalls: Handlers = {
  execve,
  prctl: (call) => (openOptions.has(call.int(0)) ? 'continue' : -EINVAL),
};

/**
 * Only a process itself can become another program, so the kernel carries it out, and reads the path again: what is looked at here says
 * early what isn't there, and guards nothing. It need not: whatever path the kernel reads, it follows in the container's own mount namespace,
 * as its root, as any exec under runc; the new program has the same filter, and by no_new_privs no more rights.
 */
function execve(call: SystemCall, kernel: Kernel): Answer {
  const found = kernel.at(call, kernel.pathOf(call, 0), true, () => 0);
  if (found < 0) return found;
  kernel.tasks.forget();
  return 'continue';
}
