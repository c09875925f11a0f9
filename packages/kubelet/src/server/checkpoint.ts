import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import { findContainer, findStatus, fullNameOf } from '../pod.ts';
import type { RuntimeContainer } from '../runtime/runtime-sessions.ts';
import type { NodeView } from './node-view.ts';
import { type Exchange, sendJson, sendText } from './router.ts';

/** POST /checkpoint/{namespace}/{pod}/{container}?timeout=SECONDS: an archive below the kubelet's root, whose path is the answer. */
export async function checkpoint(node: NodeView, { params, query, response, signal }: Exchange): Promise<void> {
  const { namespace = '', pod: podName = '', container = '' } = params;
  const pod = node.pods().find((candidate) => fullNameOf(candidate) === `${namespace}/${podName}`);
  if (!pod) return sendText(response, 404, 'pod does not exist');
  if (!findContainer(pod, container)) return sendText(response, 404, `container ${container} does not exist`);
  const timeout = query.getAll('timeout').at(-1);
  if (timeout !== undefined && !/^-?\d+$/.test(timeout)) return sendText(response, 404, 'cannot parse value of timeout parameter');
  try {
    const location = await locate(node.kubeletRoot, namespace, podName, container);
    await node.checkpoint(runningInstance(pod, container), location, Number(timeout ?? 0), signal);
    sendJson(response, { items: [location] });
  } catch (thrown) {
    const { message } = PluginError.from(thrown);
    sendText(response, 500, `checkpointing of ${namespace}/${podName}/${container} failed (${message})`);
  }
}

async function locate(kubeletRoot: string, namespace: string, pod: string, container: string): Promise<string> {
  const directory = join(kubeletRoot, 'checkpoints');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  return join(directory, `checkpoint-${pod}_${namespace}-${container}-${new Date().toISOString().replace(/\.\d+Z$/, 'Z')}.tar`);
}

function runningInstance(pod: Pod, name: string): RuntimeContainer {
  const status = findStatus(pod.status, name);
  const [handler, id] = status?.containerID?.split('://') ?? [];
  if (status?.state?.running && handler !== undefined && id !== undefined) return { handler, id };
  throw new PluginError('FAILED_PRECONDITION', 'it is not running', { object: `container ${name}` });
}
