import type { ContainerStatus, Pod, PodStatus } from '@berth/api/objects';
import { fullNameOf, uidOf } from './pod.ts';
import type { PodEvents } from './pod-events.ts';

/** Records an event for each container that has begun to wait for its next restart or pull. */
export function tellWaits(events: PodEvents, pod: Pod, before: PodStatus | undefined, after: PodStatus): void {
  for (const { name, state } of statuses(after)) {
    const reason = state?.waiting?.reason;
    if (statuses(before).find((status) => status.name === name)?.state?.waiting?.reason === reason) continue;
    if (reason === 'CrashLoopBackOff') {
      events.record(pod, 'Warning', 'BackOff', `Back-off restarting failed container ${name} in pod ${fullNameOf(pod)}(${uidOf(pod)})`);
    }
    if (reason === 'ImagePullBackOff') events.record(pod, 'Normal', 'BackOff', state?.waiting?.message ?? 'Back-off pulling image');
    if (reason === 'ErrImageNeverPull') events.record(pod, 'Warning', 'ErrImageNeverPull', state?.waiting?.message ?? '');
  }
}

function statuses(status: PodStatus | undefined): ContainerStatus[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
}
