import { podDeviceRequests } from '../device-manager/device-requests.ts';
import { failureOf, retryAt } from '../plan/back-off.ts';
import type { Fallible } from '../plan/failure-key.ts';
import { currentSandbox } from '../plan/instances.ts';
import type { ObservedPod } from '../plan/observed-pod.ts';
import { apiTime, fullNameOf, seenAt, specOf } from '../pod.ts';
import { callOf, lastCall, openSince, tookOf } from './calls.ts';
import { cureOf } from './cure.ts';
import type { Facts } from './facts.ts';
import type { Draft } from './step.ts';

/** The steps of the pod as a whole: until its containers can be made. */
export function podSteps(facts: Facts, now: Date): Draft[] {
  const { observed } = facts;
  const first = [sourceStep(facts), admissionStep(facts)];
  return observed && !observed.refusal
    ? [...first, ...devicesStep(facts, observed, now), volumesStep(facts, observed, now), sandboxStep(facts, observed, now)]
    : first;
}

/** Where the pod comes from. */
export function sourceStep({ pod }: Facts): Draft {
  const source = pod.metadata?.annotations?.['kubernetes.io/config.source'] ?? 'its source';
  const since = seenAt(pod);
  return { name: 'source', state: 'done', ...(since && { since }), detail: `read from ${source}` };
}

/** Whether the node takes it. */
export function admissionStep({ pod, observed }: Facts): Draft {
  if (!observed) {
    const detail = `another pod of the name ${fullNameOf(pod)} has not ended yet`;
    return { name: 'admitted', state: 'failed', detail, cure: 'none: it begins by itself once that pod has ended and left nothing behind' };
  }
  const { refusal } = observed;
  if (!refusal) return { name: 'admitted', state: 'done', detail: 'the node takes it' };
  const detail = `${refusal.reason}: ${refusal.message}`;
  return { name: 'admitted', state: 'failed', detail, ...cureOf(refusal, { pod, handler: observed.handler }) };
}

/** Of a pod that asks for some. */
function devicesStep({ pod, trace }: Facts, observed: ObservedPod, now: Date): Draft[] {
  const requests = [...podDeviceRequests(pod)].map(([resource, count]) => `${count} of ${resource}`).join(', ');
  if (requests === '') return [];
  const call = lastCall(trace, 'Allocate');
  const failed = failedStep('devices', { kind: 'allocate-devices' }, pod, observed, now);
  if (failed) return [{ ...failed, ...callOf(call) }];
  if (observed.devicesPending) {
    return [{ name: 'devices', state: 'open', detail: `asking their plugins for ${requests}`, ...openSince(call), ...callOf(call) }];
  }
  return [{ name: 'devices', state: 'done', detail: `allocated: ${requests}`, ...tookOf(call), ...callOf(call) }];
}

function volumesStep({ pod }: Facts, observed: ObservedPod, now: Date): Draft {
  const failed = failedStep('volumes', { kind: 'prepare' }, pod, observed, now);
  if (failed) return failed;
  const names = (specOf(pod).volumes ?? []).map(({ name }) => name);
  const made = names.length > 0 ? `volumes ${names.join(', ')}` : 'directories';
  if (observed.directories === 'prepared') return { name: 'volumes', state: 'done', detail: `made: ${made}` };
  return { name: 'volumes', state: 'open', detail: `making ${made}` };
}

function sandboxStep({ pod, trace }: Facts, observed: ObservedPod, now: Date): Draft {
  const unseen = failedStep('sandbox', { kind: 'observe' }, pod, observed, now);
  if (unseen) return unseen;
  const call = lastCall(trace, 'RunPodSandbox');
  const sandbox = currentSandbox(observed);
  if (sandbox) {
    const address = sandbox.ips.length > 0 ? `, address ${sandbox.ips.join(', ')}` : '';
    return {
      name: 'sandbox',
      state: 'done',
      since: apiTime(sandbox.createdAt),
      ...tookOf(call),
      detail: `made by ${observed.handler}${address}`,
      ...callOf(call),
    };
  }
  const failed = failedStep('sandbox', { kind: 'run-sandbox' }, pod, observed, now);
  if (failed) return { ...failed, ...callOf(call) };
  const detail = `${observed.handler} is making the sandbox and its network`;
  return { name: 'sandbox', state: 'open', detail, ...openSince(call), ...callOf(call) };
}

/** A step whose action failed the last time; undefined if it didn't. */
export function failedStep(
  name: Draft['name'],
  fallible: Fallible,
  pod: Facts['pod'],
  observed: ObservedPod,
  now: Date,
): Draft | undefined {
  const failure = failureOf(observed, fallible);
  if (!failure) return undefined;
  const due = retryAt(observed, fallible, now);
  const again = due ? `next try at ${apiTime(due)}` : 'being tried again';
  return {
    name,
    state: 'failed',
    since: apiTime(failure.at),
    detail: `${failure.reason}: ${failure.message}; ${again}`,
    ...cureOf(failure, { pod, handler: observed.handler }),
  };
}
