import type { Pod } from '@berth/api/objects';
import { containerStatuses } from './container-statuses.ts';

/** Whether a pod did what its manifest says, as `berth run --once` judges it. */
export type Verdict = { state: 'pending' } | { state: 'done' } | { state: 'failed'; why: string };

/**
 * A pod that runs to completion (restartPolicy Never or OnFailure) has to be Succeeded; any other has to be Ready,
 * with no container restarted.
 */
export function verdictOf(pod: Pod): Verdict {
  const phase = pod.status?.phase;
  if (phase === 'Failed')
    return { state: 'failed', why: `pod failed: ${pod.status?.message ?? pod.status?.reason ?? failedContainers(pod)}` };
  const restarted = (pod.status?.containerStatuses ?? []).filter((status) => status.restartCount > 0);
  if ((pod.spec?.restartPolicy ?? 'Always') !== 'Always') return { state: phase === 'Succeeded' ? 'done' : 'pending' };
  if (restarted.length > 0) return { state: 'failed', why: `restarted: ${restarted.map((status) => status.name).join(', ')}` };
  return { state: isReady(pod) ? 'done' : 'pending' };
}

export function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;
}

function failedContainers(pod: Pod): string {
  const ended = containerStatuses(pod).flatMap(({ name, state }) =>
    state?.terminated?.exitCode ? [`${name} exit code ${state.terminated.exitCode}`] : [],
  );
  return ended.join(', ') || 'no reason given';
}
