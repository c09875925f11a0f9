import { apiTime, seenAt } from '../pod.ts';
import type { OpenCall } from '../trace/pod-traces.ts';
import type { Facts } from './facts.ts';
import { overdueText } from './overdue-call.ts';
import type { Step } from './step.ts';

/** What the facts came to. */
interface Findings {
  steps: Step[];
  overdue: OpenCall | undefined;
}

/** The whole in one sentence. */
export function summaryOf(facts: Facts, { steps, overdue }: Findings, now: Date): string {
  const sentence = sentenceOf(facts, steps, now);
  const held = overdue ? overdueText(overdue) : '';
  return sentence.includes(held) ? sentence : `${sentence}; ${held}`;
}

function sentenceOf({ pod, observed, trouble }: Facts, steps: Step[], now: Date): string {
  const { phase, reason } = pod.status ?? {};
  if (observed?.deletion)
    return `is ending: its containers have ${observed.deletion.gracePeriodSeconds} s of grace${why(trouble?.message)}`;
  const failed = steps.find(({ state }) => state === 'failed');
  if (phase === 'Succeeded') return 'has ended: all of its containers succeeded';
  if (phase === 'Failed' && reason && !observed?.refusal) return `has failed: ${reason}: ${pod.status?.message?.trim() ?? ''}`;
  if (phase === 'Failed')
    return `has failed${reason ? ` (${reason})` : ''}: ${failed ? describe(failed) : (pod.status?.message ?? 'its containers did not succeed')}`;
  if (failed) return `is not ready: ${describe(failed)}`;
  const ongoing = steps.find(({ state }) => state === 'now');
  if (ongoing) return `is on its way: ${describe(ongoing)}${sinceText(ongoing, now)}`;
  const closed = pod.status?.conditions?.find(({ type, status }) => type === 'Ready' && status !== 'True');
  if (closed) return `is not ready: ${closed.message ?? closed.reason ?? 'no reason is known'}`;
  return `runs and is ready${readyAfter(pod)}`;
}

function why(message: string | undefined): string {
  return message ? `; ${message}` : '';
}

/** The first line of a termination message is enough here: the step has the others. */
function describe({ name, container, detail }: Step): string {
  const [first, ...more] = detail.split('\n');
  return `${container ? `container ${container}` : 'the pod'}, step ${name}: ${first}${more.length > 0 ? ' ...' : ''}`;
}

function sinceText({ since }: Step, now: Date): string {
  return since ? `, for ${Math.max(0, Math.round((now.getTime() - Date.parse(since)) / 1000))} s` : '';
}

/** How long it took from being seen to being ready. */
function readyAfter(pod: Facts['pod']): string {
  const ready = pod.status?.conditions?.find(({ type }) => type === 'Ready');
  const seen = seenAt(pod);
  if (!ready?.lastTransitionTime || !seen) return '';
  const seconds = (Date.parse(ready.lastTransitionTime) - Date.parse(seen)) / 1000;
  const since = ` since ${apiTime(new Date(ready.lastTransitionTime))}`;
  // A kubelet that came later has seen it when it was ready already.
  return seconds < 0 ? since : `${since}, ${seconds} s after it was seen`;
}
