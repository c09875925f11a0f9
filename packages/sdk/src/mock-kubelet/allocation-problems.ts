import { isCdiName } from '../cdi-name.ts';
import type { ContainerAllocateResponse, ContainerPreferredAllocationRequest } from '../gen/device-plugin.ts';
import { quoted } from '../quoted.ts';

/** What is wrong with an answer to GetPreferredAllocation, with its cure; of what it names, what may be had counts all the same. */
export function* problemsOfPreference(
  answer: readonly string[],
  { availableDeviceIDs, mustIncludeDeviceIDs, allocationSize }: ContainerPreferredAllocationRequest,
): Generator<string, void> {
  const available = new Set(availableDeviceIDs);
  const strangers = answer.filter((id) => !available.has(id));
  if (strangers.length > 0) yield `it prefers ${list(strangers)}, which it was not offered; choose from available_deviceIDs`;
  if (new Set(answer).size !== answer.length) yield `it names a device twice: ${list(answer)}; name each once`;
  if (answer.length !== allocationSize)
    yield `it was asked for ${allocationSize} and prefers ${answer.length}; answer with allocation_size ids`;
  const missing = mustIncludeDeviceIDs.filter((id) => !answer.includes(id));
  if (missing.length > 0) yield `it leaves out ${list(missing)}; all of must_include_deviceIDs are in the choice in any case`;
}

/** What there is at a path of this host. */
export type FileKind = 'device' | 'directory' | 'other' | 'none';

/** What is wrong with an answer to Allocate, with its cure: no runtime starts a container with it. */
export function* problemsOfAllocation(
  { envs, mounts, devices, cdiDevices }: ContainerAllocateResponse,
  kindOf: (path: string) => FileKind,
): Generator<string, void> {
  for (const name of Object.keys(envs))
    if (name === '' || name.includes('=')) yield `the environment variable ${quoted(name)} has no name; name it without "="`;
  for (const { hostPath, containerPath } of mounts) {
    yield* problemsOfPaths('mount', { hostPath, containerPath });
    if (isWholePath(hostPath) && kindOf(hostPath) === 'none') yield `the mount ${quoted(hostPath)} is not there on this host; name what is`;
  }
  for (const { hostPath, containerPath, permissions } of devices) {
    yield* problemsOfPaths('device', { hostPath, containerPath });
    if (isWholePath(hostPath) && !['device', 'directory'].includes(kindOf(hostPath)))
      yield `the device ${quoted(hostPath)} is no device of this host; name a device file, or a directory of such`;
    if (!isPermissions(permissions))
      yield `the device ${quoted(containerPath)} has the permissions ${quoted(permissions)}; write some of r, w and m, each once`;
  }
  for (const { name } of cdiDevices)
    if (!isCdiName(name)) yield `${quoted(name)} is no name in the Container Device Interface; write vendor.example/class=name`;
}

interface Paths {
  hostPath: string;
  containerPath: string;
}

function* problemsOfPaths(kind: string, { hostPath, containerPath }: Paths): Generator<string, void> {
  for (const [side, path] of Object.entries({ host: hostPath, container: containerPath })) {
    if (isWholePath(path)) continue;
    yield `the ${kind} has the path ${quoted(path)} in the ${side}; write a whole path, from / on and without ".."`;
  }
}

function isWholePath(path: string): boolean {
  return path.startsWith('/') && !path.includes('\0') && !path.split('/').includes('..');
}

function isPermissions(permissions: string): boolean {
  return /^[rwm]{1,3}$/.test(permissions) && new Set(permissions).size === permissions.length;
}

function list(ids: readonly string[]): string {
  return quoted(ids);
}
