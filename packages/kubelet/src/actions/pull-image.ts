import type { Container } from '@berth/api/objects';
import { PullImageRequest } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { sandboxConfig } from '../cri/sandbox-config.ts';
import { type ActionContext, imageSpec, sandboxSurroundings } from './action-context.ts';
import { ActionFailure } from './action-failure.ts';

/** A pull takes what the network takes; a runtime that says nothing for this long never will. */
const longestPullMs = 60 * 60 * 1000;

/** Pulls a container's image: the first part of its start, where the planner says so. */
export async function pullImage(context: ActionContext, container: Container, sandboxAttempt: number, signal: AbortSignal): Promise<void> {
  const { client, events, pod } = context;
  const image = container.image ?? '';
  const quoted = JSON.stringify(image);
  const startedAt = performance.now();
  events.record(pod, 'Normal', 'Pulling', `Pulling image ${quoted}`);
  try {
    const config = sandboxConfig(pod, sandboxAttempt, await sandboxSurroundings(context, signal));
    await client.images.pullImage(PullImageRequest.create({ image: imageSpec(client, image), sandboxConfig: config }), {
      signal,
      deadlineMs: longestPullMs,
    });
  } catch (thrown) {
    const cause = PluginError.from(thrown);
    const reason = cause.code === 'INVALID_ARGUMENT' ? 'InvalidImageName' : 'ErrImagePull';
    throw new ActionFailure(reason, `Failed to pull image ${quoted}: runtime ${client.handler}: ${cause.message}`, cause);
  }
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(3);
  events.record(pod, 'Normal', 'Pulled', `Successfully pulled image ${quoted} in ${seconds}s`);
}
