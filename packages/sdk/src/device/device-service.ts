import { PluginError } from '../errors.ts';
import {
  type AllocateResponse,
  ContainerAllocateResponse,
  DevicePluginOptions,
  type DevicePluginService,
  type ListAndWatchResponse,
} from '../gen/device-plugin.ts';
import type { Implementation } from '../serve.ts';
import { problemsOfResponse } from './allocate-response.ts';
import type { DeviceAllocation, DevicePluginDefinition, PreferenceRequest } from './definition.ts';
import { quotedIds } from './device-id.ts';
import type { DeviceLists } from './device-lists.ts';
import { problemOfChoice, problemOfRequest } from './preference.ts';

/** Which of the optional calls the author's functions answer. */
export function optionsOf({ preferred, preStart }: DevicePluginDefinition): DevicePluginOptions {
  return DevicePluginOptions.create({ preStartRequired: preStart !== undefined, getPreferredAllocationAvailable: preferred !== undefined });
}

interface DeviceServiceParts {
  lists: DeviceLists;
  /** Called when a kubelet begins to watch the devices; gives what is to be called when it ends. */
  onWatch(): () => void;
}

/** The API's calls, answered by the author's functions. */
export function deviceService(
  definition: DevicePluginDefinition,
  { lists, onWatch }: DeviceServiceParts,
): Implementation<typeof DevicePluginService> {
  const { resourceName } = definition;
  /** Each once: kubelets send sets. */
  const known = (ids: readonly string[]): string[] => {
    const there = lists.ids;
    const unknown = ids.filter((id) => !there.has(id));
    if (unknown.length === 0) return [...new Set(ids)];
    throw new PluginError('INVALID_ARGUMENT', `there is no such device: ${quotedIds(unknown)}`, {
      object: `resource ${resourceName}`,
      hint: 'ask for ids of the newest ListAndWatch',
    });
  };
  return {
    getDevicePluginOptions: () => optionsOf(definition),
    async *listAndWatch(_request, { signal }): AsyncGenerator<ListAndWatchResponse, void> {
      const ended = onWatch();
      try {
        yield* lists.watch(signal);
      } finally {
        ended();
      }
    },
    async getPreferredAllocation({ containerRequests }, { signal }) {
      const choices = containerRequests.map(async ({ availableDeviceIDs, mustIncludeDeviceIDs, allocationSize }) => {
        const request = { available: availableDeviceIDs, mustInclude: mustIncludeDeviceIDs, size: allocationSize };
        return { deviceIDs: await preferredOf(definition, request, signal) };
      });
      return { containerResponses: await Promise.all(choices) };
    },
    async allocate({ containerRequests }, { signal }): Promise<AllocateResponse> {
      const answers = containerRequests.map(async ({ devicesIds }) => {
        const ids = known(devicesIds);
        return named(definition, 'allocate', async () => responseOf(await definition.allocate(ids, signal)));
      });
      return { containerResponses: await Promise.all(answers) };
    },
    async preStartContainer({ devicesIds }, { signal }) {
      const ids = known(devicesIds);
      await named(definition, 'preStart', () => definition.preStart?.(ids, signal));
      return {};
    },
  };
}

/** Without a preference it is the kubelet that chooses. */
async function preferredOf(definition: DevicePluginDefinition, request: PreferenceRequest, signal: AbortSignal): Promise<string[]> {
  if (definition.preferred === undefined) return [];
  const wrong = problemOfRequest(request);
  if (wrong !== undefined) throw new PluginError('INVALID_ARGUMENT', wrong, { object: `resource ${definition.resourceName}` });
  return named(definition, 'preferred', async () => {
    const chosen = [...((await definition.preferred?.(request, signal)) ?? [])];
    const problem = problemOfChoice(chosen, request);
    if (problem !== undefined) throw new PluginError('INTERNAL', problem);
    return chosen;
  });
}

/** Whatever an author's function throws gets the resource's and the function's name. */
async function named<T>({ resourceName }: DevicePluginDefinition, name: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    const { code, message } = PluginError.from(thrown);
    throw new PluginError(code, message, { object: `${name} of resource ${resourceName}`, cause: thrown });
  }
}

function responseOf(answer: DeviceAllocation): ContainerAllocateResponse {
  const problem = problemOfAnswer(answer);
  if (problem !== undefined) throw new PluginError('INTERNAL', problem, { hint: 'answer with what the container needs, {} for nothing' });
  const response = responseWith(answer);
  const [wrong] = problemsOfResponse(response);
  if (wrong !== undefined) throw new PluginError('INTERNAL', wrong);
  return response;
}

/** With what the author may leave out. */
function responseWith(answer: DeviceAllocation): ContainerAllocateResponse {
  const { envs = {}, mounts = [], devices = [], annotations = {}, cdiDevices = [] } = answer;
  return ContainerAllocateResponse.create({
    envs: { ...envs },
    mounts: mounts.map(({ containerPath, hostPath, readOnly = false }) => ({ containerPath, hostPath, readOnly })),
    devices: devices.map(({ hostPath, containerPath = hostPath, permissions = 'rw' }) => ({ hostPath, containerPath, permissions })),
    annotations: { ...annotations },
    cdiDevices: cdiDevices.map((name) => ({ name })),
  });
}

/** Not everybody's functions are looked at by a compiler. */
function problemOfAnswer(answer: DeviceAllocation | undefined): string | undefined {
  if (typeof answer !== 'object' || answer === null) return `it answered ${answer}`;
  const { mounts = [], devices = [] } = answer;
  if (mounts.some(({ hostPath, containerPath }) => !hostPath || !containerPath)) return 'one of its mounts lacks hostPath or containerPath';
  return devices.some(({ hostPath }) => !hostPath) ? 'one of its devices lacks hostPath' : undefined;
}
