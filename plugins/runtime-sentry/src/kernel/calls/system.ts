import { EAFNOSUPPORT } from '../errno.ts';
import { sysinfo, utsname } from '../layouts.ts';
import type { Handlers } from './handler.ts';

/** What the caller is told of the system that it runs on; and the network, of which it has none. */
export const systemCalls: Handlers = {
  uname: (call, kernel) => kernel.store(call, call.arg(0), utsname(kernel.machine)),
  sysinfo: (call, kernel) => kernel.store(call, call.arg(0), sysinfo(kernel.machine, kernel.proc.processIds().length)),
  socket: () => -EAFNOSUPPORT,
};
