import { createHash } from 'node:crypto';
import type { ResourceSettings } from './configuration.ts';
import type { DeviceFiles } from './device-files.ts';

/** One device of a resource: a file, or several that are given together. */
export interface FoundDevice {
  /** Unique within its resource; without the replica's number. */
  readonly id: string;
  /** As the host calls them. */
  readonly paths: readonly string[];
  readonly numaNodes: readonly number[];
  /** Why it can't be given to a container; undefined: it can. */
  readonly problem: string | undefined;
}

/** Of an id without the number of a replica (the API allows 63). */
const longestId = 56;

/**
 * A resource's devices now: its groups, then each other file that its patterns match. A file is one resource's only: what `earlier` ones have is left out.
 */
export function findDevices(resource: ResourceSettings, earlier: readonly ResourceSettings[], files: DeviceFiles): FoundDevice[] {
  const taken = new Set(earlier.flatMap((other) => allFiles(other, files)));
  const free = (patterns: readonly string[]) => files.matching(patterns, resource.exclude).filter((path) => !taken.has(path));
  const groups = resource.groups.map(({ id, patterns }) => {
    const paths = free(patterns);
    const missing = patterns.find((pattern) => free([pattern]).length === 0);
    return { id, paths, problem: missing === undefined ? problemOf(paths, files) : `nothing matches ${missing}` };
  });
  for (const path of groups.flatMap(({ paths }) => paths)) taken.add(path);
  const single = free(resource.patterns).map((path) => ({ id: idOf(path), paths: [path], problem: problemOf([path], files) }));
  return [...groups, ...single].map((device) => ({ ...device, numaNodes: numaNodesOf(device.paths, files) }));
}

function allFiles({ patterns, groups, exclude }: ResourceSettings, files: DeviceFiles): string[] {
  return files.matching([...patterns, ...groups.flatMap((group) => group.patterns)], exclude);
}

function numaNodesOf(paths: readonly string[], files: DeviceFiles): number[] {
  return [...new Set(paths.flatMap((path) => files.numaNode(path) ?? []))].toSorted((first, second) => first - second);
}

/** The path below /dev; one that is too long is cut in front, and stays unique by a digest. */
export function idOf(path: string): string {
  const name = path.startsWith('/dev/') ? path.slice('/dev/'.length) : path;
  if (name.length <= longestId) return name;
  const digest = createHash('sha256').update(path).digest('hex').slice(0, 12);
  return `${digest}-${name.slice(-(longestId - digest.length - 1))}`;
}

function problemOf(paths: readonly string[], files: DeviceFiles): string | undefined {
  const wrong = paths.find((path) => !files.isDevice(path));
  return wrong === undefined ? undefined : `${wrong} is no device`;
}
