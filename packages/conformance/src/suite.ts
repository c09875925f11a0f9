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
  /** What has to be there; where it isn't, the case is skipped and says so. */
  needs?: Need<Target>[];
  /** Milliseconds; default 60,000. */
  timeLimitMs?: number;
  /** Returns if the clause holds, throws what broke it. Leaves the target as it found it, also on failure. */
  run(target: Target, signal: AbortSignal): Promise<void>;
}

/** Gives the reason why a target can't have the case, or undefined if it can. */
export interface Need<Target> {
  name: string;
  missing(target: Target): Promise<string | undefined>;
}

export interface Suite<Target> {
  name: string;
  cases: Case<Target>[];
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

export interface Report {
  suite: string;
  target: string;
  summary: { passed: number; failed: number; skipped: number; rpcsCovered: number; rpcsTotal: number };
  cases: CaseReport[];
}
