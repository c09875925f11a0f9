import { AT_FDCWD, closeDescriptor, contentOf, identityOf, namesIn, O_CLOEXEC, O_PATH, openInRoot } from './files/host-files.ts';
import type { Kernel } from './kernel.ts';
import type { SystemCall } from './notifications.ts';

/** Standard input, output and error. */
const streams = new Set(['0', '1', '2']);

/**
 * What an OCI runtime's process would take along into the container's program: undefined if nothing, else what and why it may not.
 * Runtimes have let directories of the host slip in that way (CVE-2024-21626), and the kernel would follow paths from there.
 */
export function whatLeaks(call: SystemCall, kernel: Kernel): string | undefined {
  if (!isInRoot(call, kernel)) return 'its working directory is outside of its root directory';
  const open = namesIn(`/proc/${call.tid}/fd`);
  if (typeof open === 'number') return 'its descriptors can’t be read';
  const kept = open.filter((descriptor) => !streams.has(descriptor) && !closesOnExec(call.tid, descriptor));
  return kept.length === 0 ? undefined : `it would inherit the descriptors ${kept.join(', ')}`;
}

/** Whether the path of the working directory, followed from the container's root, leads to the same directory. */
function isInRoot(call: SystemCall, kernel: Kernel): boolean {
  const path = kernel.placeOf(call.tid, AT_FDCWD);
  if (typeof path === 'number') return false;
  const inRoot = openInRoot(kernel.paths.root, path, O_PATH);
  if (inRoot < 0) return false;
  const there = identityOf(inRoot);
  closeDescriptor(inRoot);
  const own = kernel.withDescriptor(call, AT_FDCWD, identityOf);
  return typeof there !== 'number' && typeof own !== 'number' && there.device === own.device && there.inode === own.inode;
}

function closesOnExec(tid: number, descriptor: string): boolean {
  const info = contentOf(`/proc/${tid}/fdinfo/${descriptor}`);
  if (typeof info === 'number') return false;
  const flags = /^flags:\s*([0-7]+)/m.exec(info.toString('latin1'))?.[1] ?? '0';
  return (Number.parseInt(flags, 8) & O_CLOEXEC) !== 0;
}
