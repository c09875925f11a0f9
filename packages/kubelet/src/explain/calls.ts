import type { CallRecord } from '@berth/sdk/call-record';
import { apiTime } from '../pod.ts';
import type { OpenCall, PodTrace } from '../trace/pod-traces.ts';
import type { Step } from './step.ts';

/** A call, answered or not. */
type Call = CallRecord | OpenCall;

/** The newest call of a method, about that subject if one is given; one that hasn't been answered before all others. */
export function lastCall({ records, open }: PodTrace, method: string, subject?: string): Call | undefined {
  const isIt = (call: OpenCall) => call.method === method && (subject === undefined || call.subject === subject);
  return open.findLast(isIt) ?? records.findLast(isIt);
}

/** Whether the plugin hasn't answered yet. */
export function isOpen(call: Call | undefined): boolean {
  return call !== undefined && !('outcome' in call);
}

/** Since when the plugin has been asked, if it hasn't answered. */
export function openSince(call: Call | undefined): Pick<Step, 'since'> {
  return call && isOpen(call) ? { since: apiTime(new Date(call.startedAt)) } : {};
}

/** How long the call took, if it succeeded. */
export function tookOf(call: Call | undefined): Pick<Step, 'tookMs'> {
  return call && 'outcome' in call && call.outcome === 'OK' ? { tookMs: call.durationMs } : {};
}

/** The call as a reader sees it. */
export function callOf(call: Call | undefined): Pick<Step, 'call'> {
  if (!call) return {};
  const { plugin, method, startedAt } = call;
  const answer = 'outcome' in call ? { durationMs: call.durationMs, outcome: call.outcome } : {};
  const message = 'message' in call && call.message ? { message: call.message } : {};
  return { call: { plugin, method, startedAt: new Date(startedAt).toISOString(), ...answer, ...message } };
}
