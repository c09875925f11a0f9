import type { PodInfo } from '@berth/sdk/scheduler';
import type { CycleState } from '../cycle-state.ts';
import type { PluginRefusal } from '../framework.ts';
import type { Profile } from '../profile.ts';
import { firstRefusal } from './ask.ts';

/** A pod that was chosen a node, on its way there. */
export interface Placement {
  profile: Profile;
  state: CycleState;
  pod: PodInfo;
  nodeName: string;
}

/** Has the plugins take what the pod needs there; the refusal of the first that can't. */
export function reserve({ profile, state, pod, nodeName }: Placement): PluginRefusal | undefined {
  return firstRefusal(profile.reserve, 'reserve', (plugin) => plugin.reserve(state, pod, nodeName));
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
