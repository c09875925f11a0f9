import type { Pod, PodCondition, PodStatus } from '@berth/api/objects';
import { allStatuses, findStatus, fullNameOf, uidOf } from '../pod.ts';
import type { PodEvents } from '../pod-events.ts';

/** Records an event for each container that has begun to wait for its next restart or pull, and for a resize that waits. */
export function tellWaits(events: PodEvents, pod: Pod, before: PodStatus | undefined, after: PodStatus): void {
  for (const { name, state } of allStatuses(after)) {
    const reason = state?.waiting?.reason;
    if (findStatus(before, name)?.state?.waiting?.reason === reason) continue;
    if (reason === 'CrashLoopBackOff') {
      events.record(pod, 'Warning', 'BackOff', `Back-off restarting failed container ${name} in pod ${fullNameOf(pod)}(${uidOf(pod)})`);
    }
    if (reason === 'ImagePullBackOff') events.record(pod, 'Normal', 'BackOff', state?.waiting?.message ?? 'Back-off pulling image');
    if (reason === 'InvalidImageName') events.record(pod, 'Warning', 'InspectFailed', state?.waiting?.message ?? '');
    if (reason === 'ErrImageNeverPull') events.record(pod, 'Warning', 'ErrImageNeverPull', state?.waiting?.message ?? '');
  }
  const [pending, pendingBefore] = [resizeOf(after), resizeOf(before)];
  if (pending && pending.reason !== pendingBefore?.reason) events.record(pod, 'Warning', `Resize${pending.reason}`, pending.message ?? '');
}

function resizeOf(status: PodStatus | undefined): PodCondition | undefined {
  return status?.conditions?.find(({ type }) => type === 'PodResizePending');
}
