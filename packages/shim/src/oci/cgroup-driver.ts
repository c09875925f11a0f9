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

/** Where systemd puts what has no parent. */
const defaultSlice = 'system.slice';

/** A container's `cgroupsPath` in config.json, below the parent that its sandbox names in the form of the driver. */
export function cgroupsPath(driver: CgroupDriver, { id, config }: SandboxSpec, containerId: string): string {
  const parent = config.linux?.cgroupParent ?? '';
  const isSlice = parent.endsWith('.slice');
  if (driver === 'systemd' && (isSlice || parent === '')) return `${posix.basename(parent) || defaultSlice}:${scopePrefix}:${containerId}`;
  if (driver === 'cgroupfs' && !isSlice) return posix.join('/', parent, containerId);
  throw new PluginError('INVALID_ARGUMENT', `linux.cgroup_parent ${parent} is ${isSlice ? 'a' : 'no'} systemd slice`, {
    object: `sandbox ${id.slice(0, 12)}`,
    hint: `this runtime has the cgroup driver ${driver}: give the client the same`,
  });
}

/** Where a cgroup with this `cgroupsPath` is below each hierarchy. */
export function cgroupDirectory(cgroupsPathOfContainer: string): string {
  const [slice = '', prefix, name] = cgroupsPathOfContainer.split(':');
  return prefix === undefined ? slice : posix.join(sliceDirectory(slice), `${prefix}-${name}.scope`);
}

/** Where a sandbox's own cgroup is, that the client made; undefined for one without. */
export function parentDirectory({ config }: SandboxSpec): string | undefined {
  const parent = config.linux?.cgroupParent ?? '';
  if (parent.endsWith('.slice')) return sliceDirectory(posix.basename(parent));
  // Without a parent its containers' cgroups are the host's own children.
  const directory = posix.join('/', parent);
  return directory === '/' ? undefined : directory;
}

/** `a-b.slice` lies in `a.slice` (systemd.slice(5)). */
function sliceDirectory(slice: string): string {
  const parts = slice.replace(/\.slice$/, '').split('-');
  return posix.join('/', ...parts.map((_, index) => `${parts.slice(0, index + 1).join('-')}.slice`));
}
