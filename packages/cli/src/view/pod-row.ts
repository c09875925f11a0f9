import type { Container, ContainerState, ContainerStatus, Pod } from '@berth/api/objects';

/** What kubectl's table says of a pod (kubernetes/pkg/printers/internalversion/printers.go: printPod). */
export interface PodRow {
  /** `1/2`: of the containers that run as long as the pod does, those that are ready. */
  ready: string;
  /** `Running`, `Init:0/1`, `CrashLoopBackOff`, `Terminating`, ... */
  status: string;
  /** Of init containers as long as the pod initializes, then those of its sidecars and main containers. */
  restarts: number;
  /** When the last of them was due; RFC 3339. */
  lastRestart?: string;
}

/** The pod as kubectl lists it. */
export function podRow(pod: Pod): PodRow {
  const init = pod.status?.initContainerStatuses ?? [];
  const main = pod.status?.containerStatuses ?? [];
  const sidecars = (pod.spec?.initContainers ?? []).filter(isSidecar);
  const lasting = init.filter(({ name }) => sidecars.some((sidecar) => sidecar.name === name));
  const initializing = initializingStatus(pod, init, lasting);
  const counted = initializing !== undefined && !hasCondition(pod, 'Initialized') ? init : [...lasting, ...main];
  const total = sidecars.length + (pod.spec?.containers.length ?? 0);
  const up = [...lasting, ...main].filter(({ ready, state }) => ready && state?.running);
  return {
    ready: `${up.length}/${total}`,
    status: endingStatus(pod) ?? (counted === init ? initializing : mainStatus(pod, main)) ?? initializing ?? ownStatus(pod),
    restarts: counted.reduce((sum, { restartCount }) => sum + restartCount, 0),
    ...lastRestartOf(counted),
  };
}

/**
 * Since when the pod has its age; RFC 3339. A static pod is created by nobody: it begins when it is first heard of, by its source or, after a
 * restart of the node agent, by its status. The start of its status comes some time after it has been read, and its age doesn't go back then.
 */
export function beginOf({ metadata, status }: Pod): string | undefined {
  if (metadata?.creationTimestamp) return metadata.creationTimestamp;
  const heardOf = [status?.startTime, metadata?.annotations?.['kubernetes.io/config.seen']].filter((time) => time !== undefined);
  return heardOf.toSorted((a, b) => Date.parse(a) - Date.parse(b))[0];
}

function isSidecar({ restartPolicy }: Container): boolean {
  return restartPolicy === 'Always';
}

function ownStatus({ status }: Pod): string {
  return status?.reason ?? status?.phase ?? 'Pending';
}

/** A pod that has been deleted and hasn't ended yet. */
function endingStatus({ metadata, status }: Pod): string | undefined {
  const isOver = status?.phase === 'Succeeded' || status?.phase === 'Failed';
  return metadata?.deletionTimestamp && !isOver ? 'Terminating' : undefined;
}

/** The first init container that hasn't done its part; undefined: all have. */
function initializingStatus(pod: Pod, init: ContainerStatus[], lasting: ContainerStatus[]): string | undefined {
  const index = init.findIndex((each) => each.state?.terminated?.exitCode !== 0 && !(lasting.includes(each) && each.started));
  if (index < 0) return undefined;
  const { terminated, waiting } = init[index]?.state ?? {};
  if (terminated) return `Init:${terminationText(terminated)}`;
  if (waiting?.reason && waiting.reason !== 'PodInitializing') return `Init:${waiting.reason}`;
  return `Init:${index}/${pod.spec?.initContainers?.length ?? 0}`;
}

/** The first container in the manifest that says why it doesn't run; undefined: none does. */
function mainStatus(pod: Pod, main: ContainerStatus[]): string | undefined {
  const [reason] = main.flatMap(({ state }) => state?.waiting?.reason || (state?.terminated ? terminationText(state.terminated) : []));
  if (reason !== 'Completed' || !main.some(({ ready, state }) => ready && state?.running)) return reason;
  return hasCondition(pod, 'Ready') ? 'Running' : 'NotReady';
}

function terminationText({ reason, signal, exitCode }: NonNullable<ContainerState['terminated']>): string {
  return reason || (signal ? `Signal:${signal}` : `ExitCode:${exitCode}`);
}

function hasCondition({ status }: Pod, name: string): boolean {
  return status?.conditions?.some(({ type, status: value }) => type === name && value === 'True') ?? false;
}

function lastRestartOf(statuses: ContainerStatus[]): Pick<PodRow, 'lastRestart'> {
  const ends = statuses.flatMap(({ lastState }) => lastState?.terminated?.finishedAt ?? []);
  const last = ends.toSorted().at(-1);
  return last === undefined ? {} : { lastRestart: last };
}
