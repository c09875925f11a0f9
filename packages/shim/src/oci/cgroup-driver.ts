import { posix } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import type { SandboxSpec } from '../runtime.ts';

/** Who makes the containers' cgroups: the OCI runtime itself by mkdir, or systemd, asked by it. */
export type CgroupDriver = 'cgroupfs' | 'systemd';

/** Reads a command line's value. */
export function cgroupDriver(value: unknown): CgroupDriver {
  if (value === 'cgroupfs' || value === 'systemd') return value;
  throw new PluginError('INVALID_ARGUMENT', `${JSON.stringify(value)} is no cgroup driver`, {
    object: '--cgroup-driver',
    hint: 'use cgroupfs or systemd',
  });
}

/** Names the scopes that systemd makes for containers. */
const scopePrefix = 'berth';

const rootSlice = '-.slice';

/** A slice's name is that of the slice that it lies in, a dash, and its own: no part is empty. */
const sliceName = /^[^-]+(-[^-]+)*\.slice$/;

/** Where systemd puts what has no parent. */
const defaultSlice = 'system.slice';

/** A container's `cgroupsPath` in config.json, below the parent that its sandbox names in the form of the driver. */
export function cgroupsPath(driver: CgroupDriver, { id, config }: SandboxSpec, containerId: string): string {
  const parent = config.linux?.cgroupParent ?? '';
  const isSlice = parent.endsWith('.slice');
  if (driver === 'systemd' && (isSlice || parent === '')) return `${sliceOf(parent, id)}:${scopePrefix}:${containerId}`;
  if (driver === 'cgroupfs' && !isSlice) return posix.join('/', parent, containerId);
  throw new PluginError('INVALID_ARGUMENT', `linux.cgroup_parent ${parent} is ${isSlice ? 'a' : 'no'} systemd slice`, {
    object: `sandbox ${id.slice(0, 12)}`,
    hint: `this runtime has the cgroup driver ${driver}: give the client the same`,
  });
}

function sliceOf(parent: string, sandboxId: string): string {
  const slice = posix.basename(parent) || defaultSlice;
  if (slice === rootSlice || (sliceName.test(slice) && !slice.includes(':'))) return slice;
  throw new PluginError('INVALID_ARGUMENT', `linux.cgroup_parent ${slice.slice(0, 100)} is no name of a systemd slice`, {
    object: `sandbox ${sandboxId.slice(0, 12)}`,
    hint: 'write it as kubepods-burstable-podUID.slice',
  });
}

/** Where a cgroup with this `cgroupsPath` is below each hierarchy. */
export function cgroupDirectory(cgroupsPathOfContainer: string): string {
  // A folder's name may have colons in it; a slice's path has no slash.
  if (cgroupsPathOfContainer.startsWith('/')) return cgroupsPathOfContainer;
  const [slice = '', prefix, name] = cgroupsPathOfContainer.split(':');
  return posix.join(sliceDirectory(slice), `${prefix}-${name}.scope`);
}

/** Where a sandbox's own cgroup is, that the client made; undefined for one without. */
export function parentDirectory({ config }: SandboxSpec): string | undefined {
  const parent = config.linux?.cgroupParent ?? '';
  if (parent.endsWith('.slice')) return below(sliceDirectory(posix.basename(parent)));
  // Without a parent its containers' cgroups are the host's own children.
  return below(posix.join('/', parent));
}

function below(directory: string): string | undefined {
  return directory === '/' ? undefined : directory;
}

/** `a-b.slice` lies in `a.slice`, and all in `-.slice` (systemd.slice(5)). */
function sliceDirectory(slice: string): string {
  if (slice === rootSlice) return '/';
  const parts = slice.replace(/\.slice$/, '').split('-');
  return posix.join('/', ...parts.map((_, index) => `${parts.slice(0, index + 1).join('-')}.slice`));
}
