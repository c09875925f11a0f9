import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Container } from '@berth/api/objects';
import { type ContainerConfig, ContainerStatusRequest, CreateContainerRequest, StartContainerRequest } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { sandboxConfig } from '../cri/sandbox-config.ts';
import { postStart } from '../lifecycle/post-start.ts';
import type { StartContainer } from '../plan/action.ts';
import { findContainer } from '../pod.ts';
import { type ActionContext, sandboxSurroundings } from './action-context.ts';
import { ActionFailure } from './action-failure.ts';
import { checkImage } from './check-image.ts';
import { configureContainer } from './configure-container.ts';
import { pullImage } from './pull-image.ts';

/** Brings the next instance of a container up: image, CreateContainer, StartContainer, its postStart hook. */
export async function startContainer(context: ActionContext, action: StartContainer, signal: AbortSignal): Promise<void> {
  const { pod, events, client } = context;
  const container = findContainer(pod, action.container);
  if (!container) throw new PluginError('NOT_FOUND', 'the pod has no such container', { object: `container ${action.container}` });
  const containerId = action.createdId ?? (await make(context, container, action, signal));
  await ActionFailure.explain('RunContainerError', `runtime ${client.handler}`, async () => {
    try {
      await client.runtime.startContainer(StartContainerRequest.create({ containerId }), { signal });
    } catch (thrown) {
      if (action.createdId === undefined || !(await hasStarted(context, containerId, signal))) throw thrown;
    }
  });
  events.record(pod, 'Normal', 'Started', `Started container ${container.name}`);
  await postStart(context, container, containerId, signal);
}

/** Whether the start that another kubelet had asked for has come to its end before this one's. */
async function hasStarted({ client }: ActionContext, containerId: string, signal: AbortSignal): Promise<boolean> {
  const { status } = await client.runtime.containerStatus(ContainerStatusRequest.create({ containerId }), { signal });
  return status !== undefined && status.startedAt > 0n;
}

/** Image and CreateContainer; gives the new instance's id. */
async function make(context: ActionContext, container: Container, action: StartContainer, signal: AbortSignal): Promise<string> {
  const { pod, events } = context;
  if (action.pull) await pullImage(context, container, action.sandboxAttempt, signal);
  else events.record(pod, 'Normal', 'Pulled', `Container image ${JSON.stringify(container.image)} already present on machine`);
  const image = await checkImage(context, container.image ?? '', signal);
  // A container that starts with other resources than before, as one that is restarted for them, needs a pod that holds them.
  await ActionFailure.explain('CreateContainerError', 'cgroup', async () => context.cgroups?.keepCurrent(pod, context.client, signal));
  const config = await configureContainer(context, container, action, image, signal);
  const containerId = await create(context, action, config, signal);
  events.record(pod, 'Normal', 'Created', `Created container: ${container.name}`);
  return containerId;
}

function create(context: ActionContext, action: StartContainer, config: ContainerConfig, signal: AbortSignal): Promise<string> {
  const who = `runtime ${context.client.handler}`;
  return ActionFailure.explain('CreateContainerError', who, async () => {
    // Ephemeral containers come after the pod's other directories were made.
    await mkdir(join(context.directories.logDirectory(context.pod), action.container), { recursive: true });
    const sandbox = sandboxConfig(context.pod, action.sandboxAttempt, await sandboxSurroundings(context, signal));
    const request = CreateContainerRequest.create({ podSandboxId: action.sandboxId, config, sandboxConfig: sandbox });
    const { containerId } = await context.client.runtime.createContainer(request, { signal }).catch((thrown: unknown) => {
      throw config.mounts.some(({ image }) => image) ? maybeOfImage(thrown) : thrown;
    });
    return containerId;
  });
}

/** A runtime that knows no image volumes sees a mount of nothing, and can't say what it lacks; nothing in CRI tells of it before. */
function maybeOfImage(thrown: unknown): PluginError {
  const { code, message } = PluginError.from(thrown);
  const hint = 'the container mounts an image volume, which an older runtime (containerd before 2.1) takes for an empty path';
  return new PluginError(code, message, { hint, cause: thrown });
}
