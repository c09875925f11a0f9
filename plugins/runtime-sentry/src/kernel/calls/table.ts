import { numberOf, numbersEnd } from '../syscall-numbers.ts';
import { attributeCalls } from './attributes.ts';
import { descriptorCalls } from './descriptors.ts';
import { entryCalls } from './entries.ts';
import type { Handler, Handlers } from './handler.ts';
import { identityCalls } from './identity.ts';
import { openCalls } from './open.ts';
import { processCalls } from './processes.ts';
import { signalCalls } from './signals.ts';
import { statCalls } from './stat.ts';
import { systemCalls } from './system.ts';
import { workingDirectoryCalls } from './working-directory.ts';

const families: Handlers[] = [
  openCalls,
  statCalls,
  entryCalls,
  attributeCalls,
  descriptorCalls,
  workingDirectoryCalls,
  processCalls,
  signalCalls,
  identityCalls,
  systemCalls,
];

/** Handlers by system call number. What has none is ENOSYS, unless it is left to the kernel and doesn't come here. */
export function handlerTable(): (Handler | undefined)[] {
  const table = new Array<Handler | undefined>(numbersEnd).fill(undefined);
  for (const [name, handler] of families.flatMap((family) => Object.entries(family))) table[numberOf(name)] = handler;
  return table;
}
