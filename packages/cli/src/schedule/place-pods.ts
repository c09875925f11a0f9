import { formatProblem, problemOf } from '@berth/api/manifest';
import type { Pod } from '@berth/api/objects';
import type { Binder } from '@berth/scheduler/binder';
import type { SchedulerConfiguration } from '@berth/scheduler/configuration';
import { fullNameOf } from '@berth/scheduler/pod-info';
import { loadProfiles } from '@berth/scheduler/profiles';
import { Scheduler } from '@berth/scheduler/scheduler';
import { explainNodes, type NodeVerdict, type Verdict } from '@berth/scheduler/verdict';
import { PluginError } from '@berth/sdk/errors';
import type { Cluster, ClusterPod } from './cluster-files.ts';

/** What became of one pod: a verdict of the scheduler, or that it runs already, has ended, or wasn't tried before an interrupt. */
export interface PodPlacement extends Pick<Verdict, 'pod' | 'nodeName' | 'message' | 'failure'> {
  outcome: Verdict['outcome'] | 'Running' | 'Finished' | 'Pending';
  nodes: NodeVerdict[];
}

export interface PlaceOptions {
  cluster: Cluster;
  configuration: SchedulerConfiguration;
  binder: Binder;
  /** Pods that nodes run besides those of the cluster's files, by node name. */
  running: ReadonlyMap<string, readonly Pod[]>;
  signal: AbortSignal;
}

/**
 * Places the pods that have no node yet, as they would be at one moment: in the order of the queue, each seeing those before it. Gives
 * what became of every pod, in the order of the files. Throws INVALID_ARGUMENT, before anything is placed, for a pod of no profile.
 */
export async function placePods({ cluster, configuration, binder, running, signal }: PlaceOptions): Promise<PodPlacement[]> {
  const nodeOfRunning = new Map<string, string>();
  const placements = new Map<string, PodPlacement>();
  const { profiles, close } = await loadProfiles(configuration, binder);
  // No time passes: a pod whose try failed isn't tried again.
  const moment = Date.now();
  const onVerdict = (verdict: Verdict) => placements.set(verdict.pod, placementOf(verdict));
  try {
    const scheduler = new Scheduler({ profiles, onVerdict, backOff: configuration.backOff, now: () => moment });
    for (const node of cluster.nodes) scheduler.setNode(node);
    for (const [pod, nodeName] of runningPods(cluster, running)) {
      scheduler.setRunningPod(pod, nodeName);
      nodeOfRunning.set(fullNameOf(pod), nodeName);
    }
    const pending = cluster.pods.filter(({ pod }) => !nodeOfRunning.has(fullNameOf(pod)) && !isFinished(pod));
    const strangers = pending.filter(({ pod }) => !scheduler.setPendingPod(pod));
    if (strangers.length > 0) throw noProfile(strangers, configuration);
    await scheduler.drain(signal);
  } finally {
    close();
  }
  return cluster.pods.map(({ pod }) => {
    const nodeName = nodeOfRunning.get(fullNameOf(pod));
    if (nodeName !== undefined) return runningPlacement(pod, nodeName);
    return placements.get(fullNameOf(pod)) ?? (isFinished(pod) ? finishedPlacement(pod) : untriedPlacement(pod));
  });
}

/** Each once: a pod of the files may be in its node's directory, too. */
function runningPods({ pods }: Cluster, running: PlaceOptions['running']): Iterable<[pod: Pod, nodeName: string]> {
  const all = new Map<string, [Pod, string]>();
  for (const { pod } of pods) if (isRunning(pod)) all.set(fullNameOf(pod), [pod, pod.spec?.nodeName ?? '']);
  for (const [nodeName, there] of running) for (const pod of there) all.set(fullNameOf(pod), [pod, nodeName]);
  return all.values();
}

function placementOf(verdict: Verdict): PodPlacement {
  const { pod, outcome, nodeName, message, failure } = verdict;
  return { pod, outcome, ...(nodeName && { nodeName }), message, ...(failure && { failure }), nodes: explainNodes(verdict) };
}

function runningPlacement(pod: Pod, nodeName: string): PodPlacement {
  return { pod: fullNameOf(pod), outcome: 'Running', nodeName, message: `runs on ${nodeName} already`, nodes: [] };
}

function finishedPlacement(pod: Pod): PodPlacement {
  const { nodeName } = pod.spec ?? {};
  return {
    pod: fullNameOf(pod),
    outcome: 'Finished',
    ...(nodeName && { nodeName }),
    message: `has ended: ${pod.status?.phase}`,
    nodes: [],
  };
}

function untriedPlacement(pod: Pod): PodPlacement {
  return { pod: fullNameOf(pod), outcome: 'Pending', message: 'was not tried: placing was interrupted', nodes: [] };
}

/** A node that is only wished for comes without a status. */
function isRunning(pod: Pod): boolean {
  return Boolean(pod.spec?.nodeName && pod.status?.phase) && !isFinished(pod);
}

/** It takes nothing of its node any more. */
function isFinished({ status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

function noProfile(pods: readonly ClusterPod[], { profiles }: SchedulerConfiguration): PluginError {
  const names = profiles.map(({ schedulerName }) => schedulerName).join(', ');
  const lines = pods.map(({ pod, source }) => {
    const message = `no profile has the name ${pod.spec?.schedulerName}; use one of ${names}, or add it to the configuration`;
    return formatProblem(problemOf(source, { reason: 'NotFound', path: 'spec.schedulerName', message }));
  });
  return new PluginError('INVALID_ARGUMENT', lines.join('\n'));
}
