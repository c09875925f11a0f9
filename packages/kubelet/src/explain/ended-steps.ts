import { currentSandbox } from '../plan/instances.ts';
import type { ObservedPod } from '../plan/observed-pod.ts';
import { sidecarsOf, specOf } from '../pod.ts';
import { containerLanes } from './container-steps.ts';
import { cureOf, notStartedAgain } from './cure.ts';
import type { Facts } from './facts.ts';
import { admissionStep, failedStep, sourceStep } from './pod-steps.ts';
import type { Step } from './step.ts';

/** The steps of a pod that is over, or is to end: nothing is made for it any more, so that each tells what has become of its part, and the last why. */
export function endedSteps(facts: Facts, observed: ObservedPod, now: Date): Step[] {
  const { init, main } = containerLanes(facts, now);
  const drafts = [sourceStep(facts), admissionStep(facts), volumesLeft(facts, observed, now), sandboxLeft(facts, observed, now)];
  const steps = [...drafts, ...init.flat(), ...main.flat(), ...endStep(facts, observed)];
  return steps.map((step): Step => ({ ...step, state: step.state === 'open' ? 'waiting' : step.state }));
}

type Left = ReturnType<typeof sourceStep>;

function volumesLeft({ pod }: Facts, observed: ObservedPod, now: Date): Left {
  const failed = failedStep('volumes', { kind: 'clean-up' }, pod, observed, now);
  if (failed) return failed;
  const names = (specOf(pod).volumes ?? []).map(({ name }) => name);
  const what = names.length > 0 ? `volumes ${names.join(', ')}` : 'directories';
  if (observed.directories === 'removed') return { name: 'volumes', state: 'done', detail: `given back: ${what}` };
  return { name: 'volumes', state: 'open', detail: `${what}: given back once its containers and its sandbox have ended` };
}

function sandboxLeft({ pod }: Facts, observed: ObservedPod, now: Date): Left {
  const unseen = failedStep('sandbox', { kind: 'observe' }, pod, observed, now);
  if (unseen) return unseen;
  const sandbox = currentSandbox(observed);
  if (!sandbox) return { name: 'sandbox', state: 'done', detail: 'it has none' };
  const failed = failedStep('sandbox', { kind: 'stop-sandbox', sandboxId: sandbox.id }, pod, observed, now);
  return failed ?? { name: 'sandbox', state: 'open', detail: 'stopped once its containers have ended' };
}

/** None of a pod that is to end and goes then. */
function endStep({ pod, trouble }: Facts, observed: ObservedPod): Left[] {
  const { phase, reason, message = '' } = pod.status ?? {};
  if (phase === 'Succeeded') return [{ name: 'ended', state: 'done', detail: 'all of its containers succeeded' }];
  if (phase !== 'Failed') return [];
  const held = trouble ? `; what is left of it is not given back yet: ${trouble.message}` : '';
  const why = reason === undefined ? failuresOf(pod) : `${reason}: ${message.trim()}`;
  const { cure = notStartedAgain } = cureOf({ reason: reason ?? '', message }, { pod, handler: observed.handler });
  return [{ name: 'ended', state: 'failed', detail: `${why}${held}`, cure }];
}

function failuresOf(pod: Facts['pod']): string {
  const sidecars = sidecarsOf(pod).map(({ name }) => name);
  const failed = (statuses: NonNullable<typeof pod.status>['containerStatuses'] = []) =>
    statuses.filter(({ name, state }) => !sidecars.includes(name) && (state?.terminated?.exitCode ?? 0) !== 0).map(({ name }) => name);
  const [init, main] = [failed(pod.status?.initContainerStatuses), failed(pod.status?.containerStatuses)];
  if (init.length > 0) return `its init container ${init.join(', ')} failed, and is not started again`;
  return main.length > 0 ? `failed, and not started again: ${main.join(', ')}` : 'its containers did not succeed';
}
