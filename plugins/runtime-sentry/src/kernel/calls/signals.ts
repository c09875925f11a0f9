import { allOf, carryOn, type Handlers } from './handler.ts';

/** Signals go to processes by numbers of the container's own PID namespace, where there are no others. The kernel carries them out. */
export const signalCalls: Handlers = allOf(
  `kill tkill tgkill rt_sigaction rt_sigprocmask rt_sigpending rt_sigsuspend rt_sigtimedwait rt_sigqueueinfo rt_tgsigqueueinfo
   sigaltstack pause`,
  carryOn,
);
