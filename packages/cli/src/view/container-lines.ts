import type { ContainerStatus, Pod } from '@berth/api/objects';

/** One container of a pod as a person wants to see it. */
export interface ContainerLine {
  pod: string;
  container: string;
  /** `waiting`, `running` or `ended`, with the reason in `detail`. */
  state: 'waiting' | 'running' | 'ended';
  ready: boolean;
  failed: boolean;
  restarts: number;
  detail: string;
}

/** Init containers first, then the others, in the order of the manifest. */
export function containerLines(pod: Pod): ContainerLine[] {
  const init = (pod.spec?.initContainers ?? []).map(({ name }) => line(pod, name, pod.status?.initContainerStatuses));
  const app = (pod.spec?.containers ?? []).map(({ name }) => line(pod, name, pod.status?.containerStatuses));
  return [...init, ...app];
}

function line(pod: Pod, container: string, statuses: ContainerStatus[] | undefined): ContainerLine {
  const status = statuses?.find((candidate) => candidate.name === container);
  const base = {
    pod: pod.metadata?.name ?? '',
    container,
    ready: status?.ready ?? false,
    restarts: status?.restartCount ?? 0,
    failed: false,
  };
  const { running, terminated, waiting } = status?.state ?? {};
  if (running) return { ...base, state: 'running', detail: base.ready ? 'ready' : 'not ready' };
  if (terminated) {
    const failed = terminated.exitCode !== 0;
    const detail = failed ? `${terminated.reason ?? 'Error'}, exit code ${terminated.exitCode}` : (terminated.reason ?? 'Completed');
    return { ...base, state: 'ended', failed, detail: terminated.message ? `${detail}: ${terminated.message}` : detail };
  }
  const reason = waiting?.reason ?? pod.status?.reason ?? 'Pending';
  const message = waiting?.message ?? pod.status?.message;
  return { ...base, state: 'waiting', detail: message ? `${reason}: ${message}` : reason };
}
