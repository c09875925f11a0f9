import type { ProgramEnd } from './program.ts';
import type { Tail } from './tail.ts';

/** Why a machine is gone whose QEMU ended with status 0 and unasked: the guest has ended it. The console tells why. */
export function guestEnd(console: Tail): string {
  const panic = console.find(/Kernel panic/);
  if (panic !== undefined) return `the guest's kernel panicked: ${withoutTime(panic)}`;
  const last = console.lines.map(withoutTime).findLast((line) => !line.startsWith('reboot: '));
  return `the guest switched the machine off${last === undefined ? '' : `: ${last}`}`;
}

/** Whether the guest did it, and not a signal or QEMU itself. */
export function endedByGuest({ code, signal }: ProgramEnd): boolean {
  return code === 0 && signal === null;
}

function withoutTime(line: string): string {
  return line.replace(/^\[ *\d+\.\d+\] /, '');
}
