import type { Kernel } from '../kernel.ts';
import type { Answer, SystemCall } from '../notifications.ts';
import type { Handlers } from './handler.ts';

/** Offset of sa_flags in the kernel's struct sigaction of amd64, after the handler. */
const flagsOffset = 8;
/** SA_RESTART, in the last byte of sa_flags' low half (asm/signal.h). */
const restartOffset = flagsOffset + 3;
const SA_RESTART_BYTE = 0x10;
/** SIG_DFL and SIG_IGN are 0 and 1: no handler. */
const lowestHandler = 2;

export const signalCalls: Handlers = { rt_sigaction };

/**
 * Every handler gets SA_RESTART. A signal that comes while its receiver waits for the Sentry's answer makes the call fail with EINTR else, and
 * programs don't expect that of `open` or `stat`. What it costs: `read`, `wait4` and locks of files go on after a handler that was meant to
 * end them; sleeping, polling and waiting for signals still end. libc makes this structure for the kernel alone, so nobody sees the change.
 */
function rt_sigaction(call: SystemCall, kernel: Kernel): Answer {
  const address = call.arg(1);
  const action = address === 0 ? -1 : kernel.memory.read(call.tid, address, flagsOffset + 8);
  // The kernel will find the same fault.
  if (typeof action === 'number') return 'continue';
  const flags = action.readUInt8(restartOffset);
  const isHandler = action.readBigUInt64LE(0) >= lowestHandler;
  if (isHandler && !(flags & SA_RESTART_BYTE))
    kernel.memory.write(call.tid, address + restartOffset, Uint8Array.of(flags | SA_RESTART_BYTE));
  return 'continue';
}
