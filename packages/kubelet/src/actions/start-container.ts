import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type ContainerConfig, CreateContainerRequest, StartContainerRequest } from '@berth/sdk/cri';
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
  const { pod, events } = context;
  const container = findContainer(pod, action.container);
  if (!container) throw new PluginError('NOT_FOUND', 'the pod has no such container', { object: `container ${action.container}` });
  if (action.pull) await pullImage(context, container, action.sandboxAttempt, signal);
  else events.record(pod, 'Normal', 'Pulled', `Container image ${JSON.stringify(container.image)} already present on machine`);
  const image = await checkImage(context, container.image ?? '', signal);
  // A container that starts with other resources than before, as one that is restarted for them, needs a pod that holds them.
  await ActionFailure.explain('CreateContainerError', 'cgroup', async () => context.cgroups?.keepCurrent(pod, context.client, signal));
  const config = await configureContainer(context, container, action, image, signal);
  const containerId = await create(context, action, config, signal);
  events.record(pod, 'Normal', 'Created', `Created container: ${container.name}`);
  await ActionFailure.explain('RunContainerError', `runtime ${context.client.handler}`, () =>
    context.client.runtime.startContainer(StartContainerRequest.create({ containerId }), { signal }),
  );
  events.record(pod, 'Normal', 'Started', `Started container ${container.name}`);
  await postStart(context, container, containerId, signal);
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
