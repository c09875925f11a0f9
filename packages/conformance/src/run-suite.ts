import { setTimeout as sleep } from 'node:timers/promises';
import type { Case, CaseReport, Report, Suite } from './suite.ts';

export interface RunOptions<Target> {
  target: Target;
  /** How the report names the target: `unix:///run/berth/runc.sock`. */
  targetName: string;
  /** Runs only the cases whose id it matches. */
  focus?: RegExp;
  /** Leaves out the cases whose id it matches. */
  skip?: RegExp;
  signal?: AbortSignal;
  /** Told of each case as it ends. */
  onCase?(report: CaseReport): void;
  /** RPCs that the cases called, and how many the protocol has. */
  coverage?(): { covered: number; total: number };
}

const defaultTimeLimitMs = 60_000;
/** What a case may take to clean up after its time limit has passed. */
const cleanUpMs = 10_000;

/** Runs a suite's cases one after another and says how each ended. Never throws for a failed case. */
export async function runSuite<Target>(suite: Suite<Target>, options: RunOptions<Target>): Promise<Report> {
  const cases: CaseReport[] = [];
  for (const one of suite.cases) {
    if (options.focus?.test(one.id) === false || options.skip?.test(one.id)) continue;
    const report = await runCase(one, options.target, options.signal);
    cases.push(report);
    options.onCase?.(report);
    if (options.signal?.aborted) break;
  }
  const count = (result: CaseReport['result']): number => cases.filter((report) => report.result === result).length;
  const { covered, total } = options.coverage?.() ?? { covered: 0, total: 0 };
  const summary = { passed: count('passed'), failed: count('failed'), skipped: count('skipped'), rpcsCovered: covered, rpcsTotal: total };
  return { suite: suite.name, target: options.targetName, summary, cases };
}

async function runCase<Target>(one: Case<Target>, target: Target, signal: AbortSignal | undefined): Promise<CaseReport> {
  const startedAt = performance.now();
  const report = (result: CaseReport['result'], reason?: string): CaseReport => ({
    id: one.id,
    group: one.group,
    clause: one.clause,
    result,
    ...(reason !== undefined && { reason }),
    ms: Math.round(performance.now() - startedAt),
  });
  try {
    for (const need of one.needs ?? []) {
      const missing = await need.missing(target);
      if (missing !== undefined) return report('skipped', missing);
    }
    await withinLimit(one, target, signal);
    return report('passed');
  } catch (error) {
    return report('failed', (error as Error).message);
  }
}

async function withinLimit<Target>(one: Case<Target>, target: Target, signal: AbortSignal | undefined): Promise<void> {
  const limitMs = one.timeLimitMs ?? defaultTimeLimitMs;
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(new Error(`not done within ${limitMs} ms`)), limitMs);
  const caseSignal = AbortSignal.any([limit.signal, ...(signal ? [signal] : [])]);
  try {
    await Promise.race([one.run(target, caseSignal), overdue(caseSignal)]);
  } finally {
    clearTimeout(timer);
  }
}

/** Rejects when the case has been told to stop and still hasn't ended some time later. */
async function overdue(signal: AbortSignal): Promise<never> {
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  await sleep(cleanUpMs, undefined, { ref: false });
  throw signal.reason;
}
