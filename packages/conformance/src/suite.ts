/**
 * The same for all kinds of plugin: a suite is a list of cases over a target, and a case is one thing that the
 * protocol promises.
 */
export interface Case<Target> {
  /** Stable and unique: `sandbox.stop-twice`. */
  id: string;
  group: string;
  /** The clause of the protocol that it proves, in short: `StopPodSandbox is idempotent (api.proto, StopPodSandbox)`. */
  clause: string;
  /** The same by the names that the protocol's definition has for it: `StopPodSandbox`, `Mount.readonly`. */
  proves: string[];
  /** What has to be there; where it isn't, the case is skipped and says so. */
  needs?: Need<Target>[];
  /** Milliseconds; default 60,000. */
  timeLimitMs?: number;
  /** Nothing else may go on at the target meanwhile: it restarts the server, or counts what there is. Others run beside each other. */
  exclusive?: boolean;
  /** Returns if the clause holds, throws what broke it. Leaves the target as it found it, also on failure. */
  run(target: Target, signal: AbortSignal): Promise<void>;
}

/** Gives the reason why a target can't have the case, or undefined if it can. */
export interface Need<Target> {
  name: string;
  missing(target: Target): Promise<string | undefined>;
}

export interface Suite<Target> {
  /** `cri`: what the command is told, and what the report says. */
  name: string;
  /** What it judges, for headings: `CRI v1`. */
  title: string;
  cases: Case<Target>[];
}

/** Thrown inside a case that can't be judged on this target after all; it is then reported as skipped, never as passed. */
export class SkipCase extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'SkipCase';
  }
}

export type Result = 'passed' | 'failed' | 'skipped';

export interface CaseReport {
  id: string;
  group: string;
  clause: string;
  result: Result;
  /** Why it failed or was skipped. */
  reason?: string;
  ms: number;
}

export interface Summary {
  passed: number;
  failed: number;
  skipped: number;
  rpcsCovered: number;
  rpcsTotal: number;
  fieldsCovered: number;
  fieldsTotal: number;
}

export interface Report {
  suite: string;
  target: string;
  summary: Summary;
  cases: CaseReport[];
  /** What of the protocol the run touched. */
  protocol: Coverage;
  /** Why all isn't as it was before: what of the suite's own could not be removed, or processes that a CNI plugin has not ended. */
  leftBehind?: string;
}

/** How much of the protocol a run has seen. */
export interface Coverage {
  rpcs: RpcCoverage[];
  messages: MessageCoverage[];
  /** What the protocol calls them, for headings. Default: RPCs and fields. */
  terms?: { rpcs: string; fields: string };
}

/** What the protocol of a coverage calls its calls and their parts. */
export function coverageTerms({ terms = { rpcs: 'RPCs', fields: 'fields' } }: Coverage): { rpcs: string; fields: string } {
  return terms;
}

export interface RpcCoverage {
  name: string;
  service: string;
  /** The target did answer, with a result or with another error than UNIMPLEMENTED. */
  covered: boolean;
  calls: number;
  /** Release of the protocol's definition that brought it: `0.26`. */
  since: string;
}

/** Fields of requests that were sent with a value in an answered call, and of responses that came back with one. */
export interface MessageCoverage {
  name: string;
  covered: string[];
  uncovered: string[];
}
