import type { Container, Pod, ResourceRequirements } from '@berth/api/objects';
import { ContainerStatsRequest, UpdateContainerResourcesRequest } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { containerResources } from '../cri/resources.ts';
import type { ResizeContainer } from '../plan/action.ts';
import { amountOf, type Resizable, resizable } from '../plan/amounts.ts';
import { findContainer, specOf } from '../pod.ts';
import type { ActionContext } from './action-context.ts';
import { ActionFailure } from './action-failure.ts';

/** Gives a running instance other limits and shares. A memory limit below what it uses is refused, since the kernel would kill it. */
export async function resizeContainer(context: ActionContext, action: ResizeContainer, signal: AbortSignal): Promise<void> {
  const { client, pod, events, cgroups } = context;
  const container = findContainer(pod, action.container);
  if (!container) throw new PluginError('NOT_FOUND', 'the pod has no such container', { object: `container ${action.container}` });
  await ActionFailure.explain('ResizeError', `error resizing container: runtime ${client.handler}`, async () => {
    await checkMemory(context, action, container, signal);
    // The pod's own cgroup holds at any time what its containers' do: it is widened before, and narrowed after.
    await cgroups?.apply(pod, client, signal, withResources(pod, container, widest(action)));
    // What isn't set stays as it is.
    const { oomScoreAdj: _, ...linux } = containerResources(
      pod,
      { ...container, resources: action.resources },
      context.containerResourcesOptions(),
      context.assignmentOf(container),
    );
    const request = UpdateContainerResourcesRequest.fromPartial({ containerId: action.containerId, linux });
    await client.runtime.updateContainerResources(request, { signal });
    await cgroups?.apply(pod, client, signal);
  });
  events.record(pod, 'Normal', 'ResizeCompleted', `Container ${container.name} has its new resources`);
}

/** The greater of what the container had and gets, of each resource; where either is without limit, so is this. */
function widest({ before, resources }: ResizeContainer): ResourceRequirements {
  const ofKind = (kind: 'requests' | 'limits') =>
    Object.fromEntries(
      resizable.flatMap((name) => {
        const [old, next] = [amountOf(before, kind, name), amountOf(resources, kind, name)];
        if (kind === 'limits' && (!old || !next)) return [];
        const greater = !old || (next && next.compare(old) > 0) ? next : old;
        return greater ? [[name, greater.toString()]] : [];
      }),
    );
  return { requests: ofKind('requests'), limits: ofKind('limits') };
}

function withResources(pod: Pod, { name }: Container, resources: ResourceRequirements): Pod {
  const changed = (container: Container) => (container.name === name ? { ...container, resources } : container);
  const { initContainers, containers } = specOf(pod);
  return {
    ...pod,
    spec: { ...pod.spec, containers: containers.map(changed), ...(initContainers && { initContainers: initContainers.map(changed) }) },
  };
}

function isSmaller({ before, resources }: ResizeContainer, name: Resizable): boolean {
  const limit = amountOf(resources, 'limits', name);
  const old = amountOf(before, 'limits', name);
  return limit !== undefined && (!old || limit.compare(old) < 0);
}

async function checkMemory({ client }: ActionContext, action: ResizeContainer, { name }: Container, signal: AbortSignal): Promise<void> {
  const limit = amountOf(action.resources, 'limits', 'memory');
  if (!limit || !isSmaller(action, 'memory')) return;
  const { stats } = await client.runtime.containerStats(ContainerStatsRequest.create({ containerId: action.containerId }), { signal });
  const used = stats?.memory?.workingSetBytes?.value ?? stats?.memory?.usageBytes?.value ?? 0n;
  if (limit.value() > used) return;
  throw new PluginError('FAILED_PRECONDITION', `attempting to set memory limit (${limit.value()}) below current usage (${used})`, {
    object: `container ${name}`,
    hint: 'it is tried again; ask for more, or wait until it uses less',
  });
}
