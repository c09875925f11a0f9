import { fullNameOf, seenAt } from '../pod.ts';
import { containerLanes } from './container-steps.ts';
import { endedSteps } from './ended-steps.ts';
import { type Facts, isEnding } from './facts.ts';
import { overdueCall, withOverdueCall } from './overdue-call.ts';
import { podSteps } from './pod-steps.ts';
import { inOrder, type Step } from './step.ts';
import { summaryOf } from './summary.ts';

/** How far a pod has come on its way, and what it waits for. */
export interface Explanation {
  /** `namespace/name` */
  pod: string;
  phase: string;
  /** One sentence for a reader who wants no more. */
  summary: string;
  /** In the order of the way; those of a container stand together. */
  steps: Step[];
}

/** Tells a pod's way step by step: pure, so that each case can be read off a table. */
export function explain(facts: Facts, now: Date): Explanation {
  const { pod, observed } = facts;
  const steps = observed && !observed.refusal && isEnding(facts) ? endedSteps(facts, observed, now) : stepsOnTheWay(facts, now);
  const overdue = overdueCall(pod, facts.trace, now);
  const told = withOverdueCall(steps, overdue);
  return {
    pod: fullNameOf(pod),
    phase: pod.status?.phase ?? 'Pending',
    summary: summaryOf(facts, { steps: told, overdue }, now),
    steps: told,
  };
}

function stepsOnTheWay(facts: Facts, now: Date): Step[] {
  const { pod, observed } = facts;
  const before = inOrder(podSteps(facts, now), false, seenAt(pod));
  const blocked = before.some(({ state }) => state !== 'done');
  return observed && !observed.refusal ? [...before, ...containerSteps(facts, blocked, before.at(-1), now)] : before;
}

/** Init containers one after the other, then the others side by side. */
function containerSteps(facts: Facts, blocked: boolean, last: Step | undefined, now: Date): Step[] {
  const { init, main } = containerLanes(facts, now);
  const steps: Step[] = [];
  let held = blocked;
  let since = last?.since;
  for (const lane of init) {
    const settled = inOrder(lane, held, since);
    held ||= settled.some(({ state, name }) => state !== 'done' && name !== 'ready');
    since = settled.at(-1)?.since ?? since;
    steps.push(...settled);
  }
  return [...steps, ...main.flatMap((lane) => inOrder(lane, held, since))];
}
