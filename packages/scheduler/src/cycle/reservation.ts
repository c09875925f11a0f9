import type { PodInfo } from '@berth/sdk/scheduler';
import type { CycleState } from '../cycle-state.ts';
import type { PluginRefusal } from '../framework.ts';
import type { Profile } from '../profile.ts';
import { ask, askAsync } from './extension-point-failure.ts';

/** A pod that was chosen a node, on its way there. */
export interface Placement {
  profile: Profile;
  state: CycleState;
  pod: PodInfo;
  nodeName: string;
}

/** kube-scheduler's limit for a pod that is held back. */
const permitLimitMs = 15 * 60_000;

/** Has the plugins take what the pod needs there; the refusal of the first that can't. */
export function reserve({ profile, state, pod, nodeName }: Placement): PluginRefusal | undefined {
  for (const plugin of profile.reserve) {
    const refusal = ask(plugin, 'reserve', () => plugin.reserve(state, pod, nodeName));
    if (refusal) return { plugin: plugin.name, ...refusal };
  }
  return undefined;
}

/** Takes all that back, in reverse order. A plugin that throws all the same keeps none of the others from it. */
export function unreserve({ profile, state, pod, nodeName }: Placement): void {
  for (const plugin of profile.reserve.toReversed()) {
    try {
      plugin.unreserve(state, pod, nodeName);
    } catch {
      // Unreserve may not throw; the pod's verdict tells what happened before.
    }
  }
}

/** Resolves when no plugin holds the pod back any more; with the refusal of one that won't have it. */
export async function permit({ profile, state, pod, nodeName }: Placement, signal: AbortSignal): Promise<PluginRefusal | undefined> {
  if (profile.permit.length === 0) return undefined;
  const limited = AbortSignal.any([signal, AbortSignal.timeout(permitLimitMs)]);
  for (const plugin of profile.permit) {
    const refusal = await askAsync(plugin, 'permit', limited, () => plugin.permit(state, pod, nodeName, limited));
    if (refusal) return { plugin: plugin.name, ...refusal };
  }
  return undefined;
}
