import { isCdiName } from '@berth/sdk/cdi-name';
import { CDIDevice, Device, Mount } from '@berth/sdk/cri';
import type { ContainerAllocateResponse } from '@berth/sdk/device/protocol';
import { PluginError } from '@berth/sdk/errors';
import { quoted } from '@berth/sdk/quoted';

/** What a container gets for all its devices; kubelet's name for it (kubernetes:pkg/kubelet/cm/devicemanager/types.go). */
export interface DeviceRunContainerOptions {
  variables: ReadonlyMap<string, string>;
  annotations: ReadonlyMap<string, string>;
  mounts: readonly Mount[];
  devices: readonly Device[];
  cdiDevices: readonly CDIDevice[];
}

/** What a plugin answered to Allocate for a resource of the container. */
interface AllocateAnswer {
  resource: string;
  answer: ContainerAllocateResponse;
}

/**
 * All answers as one. What two of them say in the same words counts once; FAILED_PRECONDITION where they differ about one variable, path or annotation;
 * INVALID_ARGUMENT for what no container can be given.
 */
export function mergeAllocateResponses(answers: readonly AllocateAnswer[]): DeviceRunContainerOptions {
  const merged = new MergedResponses();
  for (const { resource, answer } of answers) merged.add(resource, answer);
  return merged.options();
}

/** One value for each name, and who gave it. */
type Claims<T> = Map<string, { value: T; resource: string }>;

class MergedResponses {
  readonly #variables: Claims<string> = new Map();
  readonly #annotations: Claims<string> = new Map();
  readonly #mounts: Claims<Mount> = new Map();
  readonly #devices: Claims<Device> = new Map();
  readonly #cdiDevices: Claims<string> = new Map();

  add(resource: string, { envs, annotations, mounts, devices, cdiDevices }: ContainerAllocateResponse): void {
    for (const [name, value] of Object.entries(envs)) {
      check(
        name !== '' && !name.includes('=') && !hasNul(name, value),
        resource,
        `the variable ${JSON.stringify(name)} has a name or value that is none`,
      );
      claim(this.#variables, resource, 'the variable', name, value);
    }
    for (const [key, value] of Object.entries(annotations)) claim(this.#annotations, resource, 'the annotation', key, value);
    for (const { containerPath, hostPath, readOnly } of mounts) {
      checkPaths(resource, 'mount', containerPath, hostPath);
      claim(this.#mounts, resource, 'the mount at', containerPath, Mount.create({ containerPath, hostPath, readonly: readOnly }));
    }
    for (const { containerPath, hostPath, permissions } of devices) {
      checkPaths(resource, 'device', containerPath, hostPath);
      check(
        /^[rwm]+$/.test(permissions),
        resource,
        `the device ${hostPath} has the permissions ${JSON.stringify(permissions)}, which are not of r, w and m`,
      );
      claim(this.#devices, resource, 'the device at', containerPath, Device.create({ containerPath, hostPath, permissions }));
    }
    for (const { name } of cdiDevices) {
      check(isCdiName(name), resource, `the CDI device ${quoted(name)} is not named vendor.example/class=name`);
      claim(this.#cdiDevices, resource, 'the CDI device', name, name);
    }
  }

  options(): DeviceRunContainerOptions {
    return {
      variables: valuesOf(this.#variables),
      annotations: valuesOf(this.#annotations),
      mounts: [...valuesOf(this.#mounts).values()],
      devices: [...valuesOf(this.#devices).values()],
      cdiDevices: [...this.#cdiDevices.keys()].map((name) => CDIDevice.create({ name })),
    };
  }
}

function valuesOf<T>(claims: Claims<T>): Map<string, T> {
  return new Map([...claims].map(([name, { value }]) => [name, value]));
}

function claim<T>(claims: Claims<T>, resource: string, what: string, name: string, value: T): void {
  const before = claims.get(name);
  if (before && JSON.stringify(before.value) !== JSON.stringify(value)) {
    throw new PluginError('FAILED_PRECONDITION', `${what} ${name} is given differently for ${before.resource} and for ${resource}`, {
      object: 'answers to Allocate',
      hint: 'have the plugins of these resources agree, or ask for them in different containers',
    });
  }
  claims.set(name, { value, resource });
}

function checkPaths(resource: string, what: string, containerPath: string, hostPath: string): void {
  for (const path of [containerPath, hostPath]) {
    const clean = path.startsWith('/') && !hasNul(path) && !path.split('/').includes('..');
    check(clean, resource, `the path ${JSON.stringify(path)} of a ${what} is not absolute, or leads upwards`);
  }
}

function check(holds: boolean, resource: string, what: string): void {
  if (holds) return;
  throw new PluginError('INVALID_ARGUMENT', what, {
    object: `answer to Allocate of the device plugin for ${resource}`,
    hint: 'no container can be given that: the plugin has to be mended',
  });
}

function hasNul(...texts: string[]): boolean {
  return texts.some((text) => text.includes('\0'));
}
