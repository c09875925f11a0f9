import type { ContainerStatus, Pod } from '@berth/api/objects';
import type { CallRecord } from '@berth/sdk/call-record';
import { containerStatuses } from '../node/container-statuses.ts';
import { isReady } from '../node/verdict.ts';
import type { Facts } from './comparison.ts';

/** What a pod's status says: phase, readiness, how its containers stand, its address. */
export function statusFacts(pod: Pod): Facts {
  const { phase = 'Pending', reason, message, podIP } = pod.status ?? {};
  return {
    status: [phase, isReady(pod) && 'Ready', reason].filter(Boolean).join(', '),
    ...(message !== undefined && { message }),
    ...Object.fromEntries(containerStatuses(pod).map((status) => [status.name, stateOf(status)])),
    address: podIP ?? '',
  };
}

function stateOf({ state, restartCount }: ContainerStatus): string {
  const restarts = restartCount > 0 ? `, restarts: ${restartCount}` : '';
  if (state?.running) return `running${restarts}`;
  if (state?.terminated) return `${state.terminated.reason ?? 'ended'}, exit code ${state.terminated.exitCode}${restarts}`;
  return [state?.waiting?.reason ?? 'waiting', state?.waiting?.message].filter(Boolean).join(': ') + restarts;
}

/** How long the runtime took: CRI calls of the pod, summed over its containers. */
export function timingFacts(records: CallRecord[]): Facts {
  const methods = ['RunPodSandbox', 'PullImage', 'CreateContainer', 'StartContainer'];
  return Object.fromEntries(
    methods.flatMap((method) => {
      const calls = records.filter((record) => record.method === method && record.outcome === 'OK');
      const total = calls.reduce((sum, { durationMs }) => sum + durationMs, 0);
      return calls.length > 0 ? [[calls.length > 1 ? `${method} x${calls.length}` : method, `${total.toFixed(0)} ms`]] : [];
    }),
  );
}
