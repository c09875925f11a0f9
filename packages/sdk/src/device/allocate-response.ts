import { isCdiName } from '../cdi-name.ts';
import type { ContainerAllocateResponse } from '../gen/device-plugin.ts';
import { quoted } from '../quoted.ts';

/** What is wrong with an answer to Allocate, each with its cure: no runtime could start a container with it, on whatever host (api.proto, ContainerAllocateResponse). */
export function* problemsOfResponse({ envs, mounts, devices, cdiDevices }: ContainerAllocateResponse): Generator<string, void> {
  for (const [name, value] of Object.entries(envs)) {
    if (name === '' || name.includes('=')) yield `the environment variable ${quoted(name)} has no name; name it without "="`;
    if (hasNul(name, value)) yield `the environment variable ${quoted(name)} has a NUL in it; leave it out`;
  }
  for (const mount of mounts) yield* problemsOfPaths('mount', mount);
  for (const device of devices) {
    yield* problemsOfPaths('device', device);
    const { containerPath, permissions } = device;
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

/** From the root on, and never upwards. */
export function isWholePath(path: string): boolean {
  return path.startsWith('/') && !hasNul(path) && !path.split('/').includes('..');
}

function isPermissions(permissions: string): boolean {
  return /^[rwm]{1,3}$/.test(permissions) && new Set(permissions).size === permissions.length;
}

function hasNul(...texts: string[]): boolean {
  return texts.some((text) => text.includes('\0'));
}
