import type { FsStats, Summary } from '../stats/summary.ts';
import { type DiskPart, wholeDisk } from './pod-usage.ts';
import type { Signal } from './signals.ts';

/** Which disks the node has: `one` for everything; `images` on one of their own, writable layers with them; `split`, writable layers with the rest. */
type DiskLayout = 'one' | 'images' | 'split';

/** Told apart by size and number of inodes, which summaries have of each. */
export function layoutOf({ node: { fs, runtime } }: Summary): DiskLayout {
  const imageFs = runtime?.imageFs;
  if (!fs || !imageFs || isSame(fs, imageFs)) return 'one';
  return runtime.containerFs && isSame(runtime.containerFs, fs) ? 'split' : 'images';
}

/** What of pods lies on the disk that a signal is about. */
export function partsOn(signal: Signal, layout: DiskLayout): readonly DiskPart[] {
  if (layout === 'one') return wholeDisk;
  const isNode = signal.startsWith('nodefs');
  if (layout === 'images') return isNode ? ['logs', 'volumes'] : ['root'];
  return signal.startsWith('imagefs') ? [] : wholeDisk;
}

/** What the node itself can remove from the disk that a signal is about. */
export function reclaimableOn(signal: Signal, layout: DiskLayout): ('containers' | 'images')[] {
  const [disk] = signal.split('.');
  if (disk !== 'nodefs' && disk !== 'imagefs' && disk !== 'containerfs') return [];
  if (layout === 'one') return ['containers', 'images'];
  if (layout === 'images') return disk === 'nodefs' ? [] : ['containers', 'images'];
  return disk === 'imagefs' ? ['images'] : ['containers'];
}

function isSame(one: FsStats, other: FsStats): boolean {
  return one.capacityBytes === other.capacityBytes && one.inodes === other.inodes;
}
