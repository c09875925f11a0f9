import type { Pod } from '@berth/api/objects';
import { credentialRequest } from '../images/credential-plugins/credential-plugins.ts';
import { apiTime, gracePeriodOf } from '../pod.ts';
import { isLook, type OpenCall, type PodTrace } from '../trace/pod-traces.ts';
import { callOf } from './calls.ts';
import type { Step } from './step.ts';

/** A runtime that is well answers looks at once, and makes sandboxes and containers within seconds. */
const lookPatienceMs = 2000;
const makingPatienceMs = 10_000;
/** These take what the network or the command takes; credential providers have a limit of their own. */
const unlimited = new Set(['PullImage', 'ExecSync', credentialRequest]);

/** The oldest call about the pod that its runtime should have answered by now; undefined: there is none. */
export function overdueCall(pod: Pod, { open }: PodTrace, now: Date): OpenCall | undefined {
  const overdue = open.filter(({ method, startedAt }) => now.getTime() - startedAt >= patienceMs(pod, method));
  return overdue.toSorted((a, b) => a.startedAt - b.startedAt)[0];
}

function patienceMs(pod: Pod, method: string): number {
  if (unlimited.has(method)) return Number.POSITIVE_INFINITY;
  if (isLook(method)) return lookPatienceMs;
  return makingPatienceMs + (method === 'StopContainer' ? gracePeriodOf(pod) * 1000 : 0);
}

const deviceCalls = new Set(['GetPreferredAllocation', 'Allocate', 'PreStartContainer']);

/** In plain words. */
export function overdueText({ plugin, method, startedAt }: OpenCall): string {
  const who = deviceCalls.has(method) ? `the device plugin for ${plugin}` : `the runtime ${plugin}`;
  return `${who} has not answered ${method} since ${apiTime(new Date(startedAt))}`;
}

/** The steps, of which the one that the call holds up says so: the one that it is made for, else the first that is being done. */
export function withOverdueCall(steps: Step[], overdue: OpenCall | undefined): Step[] {
  if (!overdue) return steps;
  const { call } = callOf(overdue);
  const ongoing = steps.filter(({ state }) => state === 'now');
  const held = ongoing.find((step) => step.call?.method === call?.method && step.call?.startedAt === call?.startedAt) ?? ongoing[0];
  const since = apiTime(new Date(overdue.startedAt));
  return steps.map((step) =>
    step === held ? { ...step, since, detail: overdueText(overdue), ...(call && { call }), cure: cureOf(overdue) } : step,
  );
}

function cureOf({ plugin, method }: OpenCall): string {
  if (deviceCalls.has(method)) {
    return `see in its log what the device plugin for ${plugin} does, and restart it: running pods don't mind. The call is given up after its deadline`;
  }
  return `see whether the process of the runtime ${plugin} is stopped or stuck, and restart it: running pods don't mind; its log is in ROOT/logs. The call is given up after its deadline, and made again`;
}
