import { EINVAL, EPERM } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import type { Answer, SystemCall } from '../notifications.ts';
import { allOf, carryOn, type Handler, type Handlers } from './handler.ts';

/** CLONE_NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET: namespaces of one's own; and CLONE_PTRACE. */
const refusedCloneFlags = 0x7e02_2080;

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

const makeThread: Handler = (_call, { tasks }) => {
  tasks.forget();
  return 'continue';
};

/**
 * Processes and threads are the kernel's: it makes, runs and ends them, in the container's PID namespace and under the same filter. clone3
 * isn't there, since its flags are in memory, which can change after the look: libc takes clone then.
 */
export const processCalls: Handlers = {
  ...allOf('fork vfork', makeThread),
  clone: (call, kernel) => (call.int(0) & refusedCloneFlags ? -EPERM : makeThread(call, kernel)),
  ...allOf(
    `wait4 waitid set_tid_address set_robust_list get_robust_list futex sched_yield sched_getaffinity sched_setaffinity sched_getparam
     sched_getscheduler sched_get_priority_max sched_get_priority_min getcpu rseq arch_prctl getrandom`,
    carryOn,
  ),
  execve,
  prctl: (call) => (openOptions.has(call.int(0)) ? 'continue' : -EINVAL),
};

/**
 * Only a process itself can become another program, so the kernel carries it out, and reads the path again: what is looked at here says
 * early what isn't there, and guards nothing. It need not: whatever path the kernel reads, it follows in the container's own mount namespace,
 * as its root, as any exec under runc; the new program has the same filter, and by no_new_privs no more rights.
 */
function execve(call: SystemCall, kernel: Kernel): Answer {
  const path = kernel.pathOf(call, 0);
  if (typeof path === 'number') return path;
  const found = kernel.at(call, path, true, () => 0);
  if (found < 0) return found;
  kernel.tasks.forget();
  return 'continue';
}
