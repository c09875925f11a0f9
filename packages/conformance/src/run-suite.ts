import { setTimeout as sleep } from 'node:timers/promises';
import { type Case, type CaseReport, type Coverage, type Report, SkipCase, type Suite, type Summary } from './suite.ts';

export interface RunOptions<Target> {
  target: Target;
  /** How the report names the target: `unix:///run/berth/runc.sock`. */
  targetName: string;
  /** Runs only the cases whose id it matches. */
  focus?: RegExp;
  /** Leaves out the cases whose id it matches. */
  skip?: RegExp;
  /** How many cases run beside each other. Default 1. */
  parallel?: number;
  /** By what each case's time limit is multiplied, for targets that are slow by nature. Default 1. */
  timeLimitFactor?: number;
  /** Begins no further case once aborted. */
  signal?: AbortSignal;
  /** Told of each case as it begins. */
  onStart?(one: Pick<Case<Target>, 'id' | 'group'>): void;
  /** Told of each case as it ends. */
  onCase?(report: CaseReport): void;
  /** Asked at the end: what of the protocol the cases touched. */
  coverage?(): Coverage;
}

const defaultTimeLimitMs = 60_000;
/** What a case may take to clean up after its time limit has passed. */
const cleanUpMs = 10_000;

/** The cases of a suite that `focus` and `skip` leave, in the suite's order. */
export function selectCases<Target>(suite: Suite<Target>, { focus, skip }: Pick<RunOptions<Target>, 'focus' | 'skip'>): Case<Target>[] {
  return suite.cases.filter(({ id }) => focus?.test(id) !== false && !skip?.test(id));
}

/**
 * Runs a suite's cases, several at once where they allow it and the exclusive ones after them one by one, and says how
 * each ended, in the suite's order. Never throws for a failed case.
 */
export async function runSuite<Target>(suite: Suite<Target>, options: RunOptions<Target>): Promise<Report> {
  const selected = selectCases(suite, options);
  const reports = new Map<string, CaseReport>();
  const run = async (one: Case<Target>): Promise<void> => {
    options.onStart?.(one);
    const report = await runCase(one, options);
    reports.set(one.id, report);
    options.onCase?.(report);
  };
  const shared = selected.filter(({ exclusive }) => !exclusive);
  await runAll(shared, options.parallel ?? 1, run, options.signal);
  await runAll(
    selected.filter(({ exclusive }) => exclusive),
    1,
    run,
    options.signal,
  );
  const cases = selected.flatMap(({ id }) => reports.get(id) ?? []);
  const protocol = options.coverage?.() ?? { rpcs: [], messages: [] };
  return { suite: suite.name, target: options.targetName, summary: summaryOf(cases, protocol), cases, protocol };
}

async function runAll<Item>(
  items: Item[],
  parallel: number,
  run: (item: Item) => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const waiting = items.values();
  const worker = async (): Promise<void> => {
    for (const item of waiting) {
      if (signal?.aborted) return;
      await run(item);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
}

function summaryOf(cases: CaseReport[], { rpcs, messages }: Coverage): Summary {
  const count = (result: CaseReport['result']): number => cases.filter((report) => report.result === result).length;
  const fieldsCovered = messages.reduce((sum, { covered }) => sum + covered.length, 0);
  return {
    passed: count('passed'),
    failed: count('failed'),
    skipped: count('skipped'),
    rpcsCovered: rpcs.filter(({ covered }) => covered).length,
    rpcsTotal: rpcs.length,
    fieldsCovered,
    fieldsTotal: messages.reduce((sum, { uncovered }) => sum + uncovered.length, fieldsCovered),
  };
}

async function runCase<Target>(one: Case<Target>, options: RunOptions<Target>): Promise<CaseReport> {
  const { target } = options;
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
    await withinLimit(one, options);
    return report('passed');
  } catch (error) {
    return report(error instanceof SkipCase ? 'skipped' : 'failed', error instanceof Error ? error.message : String(error));
  }
}

async function withinLimit<Target>(one: Case<Target>, { target, signal, timeLimitFactor = 1 }: RunOptions<Target>): Promise<void> {
  const limitMs = (one.timeLimitMs ?? defaultTimeLimitMs) * timeLimitFactor;
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
