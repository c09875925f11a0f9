import type { PodInfo } from '@berth/sdk/scheduler';
import type { AnyPlugin, ClusterEvent } from '../framework.ts';

/**
 * Whether the event is worth another try of a pod that these plugins refused: one of them has to say so. A plugin that doesn't tell its
 * events may be helped by any, and so may a pod that no plugin is known to have refused.
 */
export function isWorthATry(pod: PodInfo, event: ClusterEvent, refusedBy: readonly AnyPlugin[]): boolean {
  return refusedBy.length === 0 || refusedBy.some((plugin) => mayHelp(pod, event, plugin));
}

function mayHelp(pod: PodInfo, event: ClusterEvent, plugin: AnyPlugin): boolean {
  try {
    const events = plugin.eventsToRegister?.();
    if (!events) return true;
    return events.some(({ resource, actions, hint }) => {
      if (resource !== event.resource || !actions.includes(event.action)) return false;
      return hint?.(pod, event) ?? true;
    });
  } catch {
    // A try too many does no harm; one too few leaves the pod pending.
    return true;
  }
}
