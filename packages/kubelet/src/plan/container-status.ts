import { StringDecoder } from 'node:string_decoder';
import type { Container, ContainerState, ContainerStatus } from '@berth/api/objects';
import { absolutePath } from '../cri/volume-mount.ts';
import { apiTime } from '../pod.ts';
import type { ContainerInstance, ProbeVerdict } from './observed-pod.ts';
import type { Wait } from './wait.ts';

/** What a container's status is made of. */
interface ContainerFacts {
  handler: string;
  /** Newest first. */
  instances: ContainerInstance[];
  told: ContainerStatus | undefined;
  wait: Wait | undefined;
  /** What a container shows that nothing is known of. */
  initialReason: 'ContainerCreating' | 'PodInitializing';
  /** Runs to its end before the others start; a restartable init container doesn't. */
  isInit: boolean;
  /** How much of a termination message is told. */
  messageBytes: number;
  /** Of the newest instance; undefined: it has no probes. */
  verdict: ProbeVerdict | undefined;
}

/** A container's status: from its instances, and from what was told before where the runtime forgot them. */
export function containerStatus(container: Container, facts: ContainerFacts): ContainerStatus {
  const { instances, told, handler } = facts;
  const [newest] = instances;
  const state = stateOf(facts);
  return {
    name: container.name,
    state,
    lastState: lastStateOf(facts),
    ...readinessOf(state, facts),
    restartCount: newest?.attempt ?? told?.restartCount ?? 0,
    image: newest?.image || container.image || '',
    imageID: newest?.imageId || told?.imageID || '',
    ...(newest ? { containerID: containerId(handler, newest) } : told?.containerID && { containerID: told.containerID }),
    ...resourcesOf(container, newest),
    ...(newest?.user && { user: { linux: newest.user } }),
    ...volumeMountsOf(container, newest),
  };
}

/** What runs is started and ready as soon as its probes say so, at once without any; an init container is ready once it has succeeded. */
function readinessOf(state: ContainerState, { isInit, verdict }: ContainerFacts): Required<Pick<ContainerStatus, 'ready' | 'started'>> {
  const started = state.running !== undefined && (verdict?.started ?? true);
  return { ready: isInit ? state.terminated?.exitCode === 0 : started && (verdict?.ready ?? true), started };
}

/** What a running instance may use by now, and what it has been given; an ephemeral container has neither. */
function resourcesOf(
  { resources = {} }: Container,
  newest: ContainerInstance | undefined,
): Pick<ContainerStatus, 'resources' | 'allocatedResources'> {
  if (!resources.requests && !resources.limits) return {};
  const actual = newest?.state === 'running' ? newest.resources : undefined;
  return { resources: actual ?? resources, ...(resources.requests && { allocatedResources: resources.requests }) };
}

/** Of a read-only mount: whether all below is read-only too, as the runtime has mounted it. */
function volumeMountsOf({ volumeMounts = [] }: Container, newest: ContainerInstance | undefined): Pick<ContainerStatus, 'volumeMounts'> {
  if (volumeMounts.length === 0) return {};
  return {
    volumeMounts: volumeMounts.map(({ name, mountPath, readOnly }) => ({
      name,
      mountPath,
      ...(readOnly && { readOnly, recursiveReadOnly: isRecursive(mountPath, newest) ? 'Enabled' : 'Disabled' }),
    })),
  };
}

function isRecursive(mountPath: string, newest: ContainerInstance | undefined): boolean {
  return newest?.recursiveReadOnlyMounts?.includes(absolutePath(mountPath)) ?? false;
}

function stateOf(facts: ContainerFacts): ContainerState {
  const { instances, told, wait, initialReason } = facts;
  const [newest] = instances;
  if (newest?.state === 'running') return { running: { startedAt: apiTime(newest.startedAt ?? newest.createdAt) } };
  if (wait) return { waiting: { reason: wait.reason, ...(wait.message && { message: wait.message }) } };
  if (newest?.state === 'exited') return terminated(facts, newest);
  if (newest) return { waiting: { reason: 'ContainerCreating' } };
  if (told?.state?.terminated) return { terminated: told.state.terminated };
  if (told?.state?.running) return lost(told);
  return { waiting: { reason: initialReason } };
}

/** The end before the present state. */
function lastStateOf(facts: ContainerFacts): ContainerState {
  const { instances, told, wait } = facts;
  const [newest, ...older] = instances;
  const waitsAfterEnd = wait && newest?.state === 'exited';
  const ended = waitsAfterEnd ? newest : older.find((instance) => instance.state === 'exited');
  if (ended) return terminated(facts, ended);
  const isNext = newest && told && newest.attempt > told.restartCount;
  if (told?.state?.terminated && (isNext || wait)) return { terminated: told.state.terminated };
  return told?.lastState ?? {};
}

function terminated({ handler, messageBytes }: ContainerFacts, instance: ContainerInstance): ContainerState {
  const { exitCode, reason, message, startedAt, finishedAt, createdAt } = instance;
  return {
    terminated: {
      exitCode,
      reason: reason || (exitCode === 0 ? 'Completed' : 'Error'),
      ...(message && { message: cut(message, messageBytes) }),
      ...(startedAt && { startedAt: apiTime(startedAt) }),
      finishedAt: apiTime(finishedAt ?? createdAt),
      containerID: containerId(handler, instance),
    },
  };
}

/** In whole characters. */
function cut(text: string, bytes: number): string {
  return Buffer.byteLength(text) <= bytes ? text : new StringDecoder('utf8').write(Buffer.from(text).subarray(0, bytes));
}

function lost(told: ContainerStatus): ContainerState {
  const message = 'The container could not be located when the pod was looked at';
  return {
    terminated: {
      exitCode: 137,
      reason: 'ContainerStatusUnknown',
      message,
      containerID: told.containerID,
      finishedAt: told.state?.running?.startedAt,
    },
  };
}

function containerId(handler: string, instance: ContainerInstance): string {
  return `${handler}://${instance.id}`;
}
