import { CDIDevice, Device, Mount } from '@berth/sdk/cri';
import { problemsOfResponse } from '@berth/sdk/device/allocate-response';
import type { ContainerAllocateResponse } from '@berth/sdk/device/protocol';
import { PluginError } from '@berth/sdk/errors';

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

  add(resource: string, answer: ContainerAllocateResponse): void {
    checkResponse(resource, answer);
    for (const [name, value] of Object.entries(answer.envs)) claim(this.#variables, resource, 'the variable', name, value);
    for (const [key, value] of Object.entries(answer.annotations)) claim(this.#annotations, resource, 'the annotation', key, value);
    for (const { containerPath, hostPath, readOnly } of answer.mounts) {
      claim(this.#mounts, resource, 'the mount at', containerPath, Mount.create({ containerPath, hostPath, readonly: readOnly }));
    }
    for (const { containerPath, hostPath, permissions } of answer.devices) {
      claim(this.#devices, resource, 'the device at', containerPath, Device.create({ containerPath, hostPath, permissions }));
    }
    for (const { name } of answer.cdiDevices) claim(this.#cdiDevices, resource, 'the CDI device', name, name);
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

function checkResponse(resource: string, answer: ContainerAllocateResponse): void {
  const [problem] = problemsOfResponse(answer);
  if (problem === undefined) return;
  throw new PluginError('INVALID_ARGUMENT', problem, {
    object: `answer to Allocate of the device plugin for ${resource}`,
    hint: 'no container can be given that: the plugin has to be mended',
  });
}
