import type { CallRecord } from '@berth/sdk/call-record';

/** Which call is being made; the rest of its CallRecord (ids, times, outcome) is filled in around it. */
export type CallDescription = Pick<CallRecord, 'protocol' | 'plugin' | 'method' | 'subject' | 'sandboxId'>;

/** Records the calls made inside a shim, in RUN/calls/SANDBOX.jsonl, as children of the CRI call that caused them. */
export interface Calls {
  record<T>(call: CallDescription, work: () => Promise<T>): Promise<T>;
}
