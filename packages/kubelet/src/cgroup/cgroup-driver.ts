import type { CgroupValues } from './cgroup-values.ts';

/** A cgroup by the names on the way to it, from the root of the hierarchy: `['berth', 'kubepods', 'burstable', 'pod1']`. */
export type CgroupName = readonly string[];

/** Makes and removes cgroups in one of the two ways that runtimes know. Errors are PluginErrors that name the cgroup. */
export interface CgroupDriver {
  /** The cgroup's path in each hierarchy; runtimes take it as the parent of their containers' cgroups. */
  pathOf(name: CgroupName): string;
  /** Makes the cgroup if it isn't there, and sets its values. */
  apply(name: CgroupName, values: CgroupValues, signal: AbortSignal): Promise<void>;
  /** Removes the cgroup with all below; a missing one is no error. */
  remove(name: CgroupName, signal: AbortSignal): Promise<void>;
  /** Removes the cgroup if no other is in it. Never throws. */
  removeEmpty(name: CgroupName): Promise<void>;
  /** The last names of the cgroups in this one; none if it isn't there. */
  children(name: CgroupName): Promise<string[]>;
  /** Whether a process is in the cgroup, or in one below. */
  isBusy(name: CgroupName): Promise<boolean>;
  /** Whether the cgroup is there. */
  has(name: CgroupName): Promise<boolean>;
}
