import type { Container, PodSpec } from '@berth/api/objects';
import type { CallRecord } from '@berth/sdk/call-record';
import { type Explanation, explain } from '../src/explain/explanation.ts';
import type { Facts } from '../src/explain/facts.ts';
import { defaultBackOff } from '../src/plan/back-off.ts';
import type { ObservedPod } from '../src/plan/observed-pod.ts';
import { plan } from '../src/plan.ts';
import { makePod, now, observe, seconds } from './observed-pod.ts';

/** What a pod is, and what is known of it, as far as that isn't as usual. */
export interface ExplainedCase extends Partial<Omit<Facts, 'pod' | 'observed'>> {
  spec?: Partial<PodSpec>;
  observed?: Partial<ObservedPod>;
}

/** The explanation of a pod whose status is what the planner makes of what was observed. */
export function explanation({ spec, observed = {}, ...facts }: ExplainedCase, seen = '2026-11-21T11:00:00Z'): Explanation {
  const all = observe(observed);
  const pod = makePod(spec);
  const annotations = { 'kubernetes.io/config.source': 'file', 'kubernetes.io/config.seen': seen };
  pod.metadata = { ...pod.metadata, annotations };
  const { status, trouble } = plan(pod, all, now);
  const nothing = { trace: { records: [], open: [], sandboxIds: [] }, answers: [], backOff: defaultBackOff };
  return explain({ ...nothing, trouble, ...facts, pod: { ...pod, status }, observed: all }, now);
}

/** The steps as `container step state`. */
export const words = ({ steps }: Explanation) =>
  steps.map(({ name, container, state }) => `${container ? `${container} ` : ''}${name} ${state}`);

/** A call of the timeline. */
export const call = (method: string, subject: string, more: Partial<CallRecord> = {}): CallRecord => ({
  traceId: 't',
  spanId: 's',
  protocol: 'cri',
  plugin: 'runc',
  method,
  subject,
  startedAt: seconds(-20).getTime(),
  durationMs: 12,
  outcome: 'OK',
  ...more,
});

/** A spec of one container. */
export const container = (more: Partial<Container> = {}): { containers: Container[] } => ({
  containers: [{ name: 'main', image: 'a:1', ...more }],
});
