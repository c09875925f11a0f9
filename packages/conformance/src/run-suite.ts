import { setTimeout as sleep } from 'node:timers/promises';
import { type CaseScope, withinScope } from './case-scope.ts';
import { type Case, type CaseReport, type Coverage, type Report, type Result, SkipCase, type Suite, type Summary } from './suite.ts';

/** What the caller of a suite may say, whatever it judges. */
export interface SuiteOptions<Target> {
  /** Runs only the cases whose id it matches. */
  focus?: RegExp;
  /** Leaves out the cases whose id it matches. */
  skip?: RegExp;
  /** How many cases run beside each other. Default 1. */
  parallel?: number;
  /** Multiplies the time limits of cases, for a target that runs on a slow host. Default 1. */
  timeFactor?: number;
  /** Once aborted, the cases that run are ended and no further one begins: all of them are reported as skipped. */
  signal?: AbortSignal;
  /** Told of each case as it begins. */
  onStart?(one: Pick<Case<Target>, 'id' | 'group'>): void;
  /** Told of each case as it ends. */
  onCase?(report: CaseReport): void;
}

export interface RunOptions<Target> extends SuiteOptions<Target> {
  target: Target;
  /** How the report names the target: `unix:///run/berth/runc.sock`. */
  targetName: string;
  /** Asked when a case was out of time: throws if the target answers nothing any more. The other cases are then skipped. */
  alive?(): Promise<void>;
  /** Asked at the end: what of the protocol the cases touched. */
  coverage?(): Coverage;
}

const defaultTimeLimitMs = 60_000;
/** What a case may take to clean up after its time limit has passed, and each call of it. */
const cleanUpMs = 10_000;
const interrupted = 'the run was interrupted';

/** The cases of a suite that `focus` and `skip` leave, in the suite's order. */
export function selectCases<Target>(suite: Suite<Target>, { focus, skip }: Pick<SuiteOptions<Target>, 'focus' | 'skip'>): Case<Target>[] {
  return suite.cases.filter(({ id }) => focus?.test(id) !== false && !skip?.test(id));
}

/**
 * Runs a suite's cases, several at once where they allow it and the exclusive ones after them one by one, and says how
 * each ended, in the suite's order. Never throws for a failed case.
 */
export async function runSuite<Target>(suite: Suite<Target>, options: RunOptions<Target>): Promise<Report> {
  const selected = selectCases(suite, options);
  const run = new Run(options);
  await run.all(
    selected.filter(({ exclusive }) => !exclusive),
    options.parallel ?? 1,
  );
  await run.all(
    selected.filter(({ exclusive }) => exclusive),
    1,
  );
  const cases = selected.map((one) => run.reportOf(one));
  const protocol = options.coverage?.() ?? { rpcs: [], messages: [] };
  return { suite: suite.name, target: options.targetName, summary: summaryOf(cases, protocol), cases, protocol };
}

/** What has been found out so far, and whether it goes on. */
class Run<Target> {
  readonly #options: RunOptions<Target>;
  readonly #reports = new Map<string, CaseReport>();
  /** Why no further case begins. */
  #ended: string | undefined;

  constructor(options: RunOptions<Target>) {
    this.#options = options;
  }

  async all(cases: Case<Target>[], parallel: number): Promise<void> {
    const waiting = cases.values();
    const worker = async (): Promise<void> => {
      for (const one of waiting) {
        if (this.#options.signal?.aborted) this.#ended ??= interrupted;
        if (this.#ended !== undefined) return;
        await this.#run(one);
      }
    };
    await Promise.all(Array.from({ length: parallel }, worker));
  }

  /** A case that never began is a skip: it wasn't judged. */
  reportOf(one: Case<Target>): CaseReport {
    return this.#reports.get(one.id) ?? outcome(one, 0, 'skipped', this.#ended);
  }

  async #run(one: Case<Target>): Promise<void> {
    this.#options.onStart?.(one);
    const { report, outOfTime } = await runCase(one, this.#options.target, this.#options);
    this.#reports.set(one.id, report);
    this.#options.onCase?.(report);
    if (outOfTime) await this.#options.alive?.().catch((error: unknown) => this.#end(error));
  }

  #end(error: unknown): void {
    this.#ended ??= `the target answers nothing any more: ${messageOf(error)}`;
  }
}

function summaryOf(cases: CaseReport[], { rpcs, messages }: Coverage): Summary {
  const count = (result: Result): number => cases.filter((report) => report.result === result).length;
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

type CaseOptions<Target> = Pick<SuiteOptions<Target>, 'timeFactor' | 'signal'>;

interface Ending {
  report: CaseReport;
  outOfTime: boolean;
}

async function runCase<Target>(one: Case<Target>, target: Target, { timeFactor = 1, signal }: CaseOptions<Target>): Promise<Ending> {
  const startedAt = performance.now();
  const limitMs = (one.timeLimitMs ?? defaultTimeLimitMs) * timeFactor;
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), limitMs);
  const ending = (result: Result, reason?: string): Ending => ({
    report: outcome(one, performance.now() - startedAt, result, reason),
    outOfTime: limit.signal.aborted,
  });
  try {
    for (const need of one.needs ?? []) {
      const missing = await need.missing(target);
      if (missing !== undefined) return ending('skipped', missing);
    }
    const both = AbortSignal.any([limit.signal, ...(signal ? [signal] : [])]);
    await ended(one, target, { signal: both, limitMs, cleanUpMs: cleanUpMs * timeFactor });
    return limit.signal.aborted ? ending('failed', `not done within ${limitMs} ms`) : ending('passed');
  } catch (error) {
    if (error instanceof SkipCase) return ending('skipped', error.message);
    if (limit.signal.aborted) return ending('failed', `not done within ${limitMs} ms: ${messageOf(error)}`);
    if (signal?.aborted) return ending('skipped', interrupted);
    return ending('failed', messageOf(error));
  } finally {
    clearTimeout(timer);
  }
}

/** Runs the case; one that has been told to end and doesn't clean up in time is left to itself. */
async function ended<Target>(one: Case<Target>, target: Target, scope: CaseScope): Promise<void> {
  const done = new AbortController();
  try {
    await Promise.race([withinScope(scope, () => one.run(target, scope.signal)), overdue(scope, done.signal)]);
  } finally {
    done.abort();
  }
}

async function overdue({ signal, cleanUpMs }: CaseScope, done: AbortSignal): Promise<never> {
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true, signal: done }));
  await sleep(cleanUpMs, undefined, { ref: false, signal: done });
  throw new Error('it was told to end and did not');
}

function outcome({ id, group, clause }: Case<never>, ms: number, result: Result, reason?: string): CaseReport {
  return { id, group, clause, result, ...(reason !== undefined && { reason }), ms: Math.round(ms) };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
