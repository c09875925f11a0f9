import { allOf, carryOn, type Handlers } from './handler.ts';

/** Reading clocks and sleeping; setting a clock isn't there. The kernel carries them out: times are written into the caller's memory. */
export const timeCalls: Handlers = allOf(
  `time gettimeofday clock_gettime clock_getres nanosleep clock_nanosleep alarm getitimer setitimer times timer_create timer_settime
   timer_gettime timer_getoverrun timer_delete getrusage`,
  carryOn,
);
