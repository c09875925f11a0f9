import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { boundedCall, outsideScopes } from './case-scope.ts';
import { runSuite } from './run-suite.ts';
import { type Case, SkipCase, type Suite } from './suite.ts';

interface Log {
  lines: string[];
}

function one(id: string, run: Case<Log>['run'] = async () => {}, more: Partial<Case<Log>> = {}): Case<Log> {
  return { id, group: 'test', clause: `what ${id} proves`, proves: ['Test'], run, ...more };
}

function suite(...cases: Case<Log>[]): Suite<Log> {
  return { name: 'test', title: 'Test', cases };
}

const target = (): Log => ({ lines: [] });
const options = (lines: Log = target()) => ({ target: lines, targetName: 'here' });

describe('runSuite', () => {
  it('reports how each case ended, in the order of the suite', async () => {
    const failing = one('a.failing', async () => {
      throw new Error('expected 1, got 2');
    });
    const skipping = one('a.skipping', async () => {
      throw new SkipCase('this host lacks it');
    });
    const { cases, summary } = await runSuite(suite(failing, one('a.passing'), skipping), options());
    expect(cases.map(({ id, result, reason }) => [id, result, reason])).toEqual([
      ['a.failing', 'failed', 'expected 1, got 2'],
      ['a.passing', 'passed', undefined],
      ['a.skipping', 'skipped', 'this host lacks it'],
    ]);
    expect(summary).toMatchObject({ passed: 1, failed: 1, skipped: 1 });
  });

  it('skips a case whose need is missing, without running it', async () => {
    const ran = target();
    const needy = one('a.needy', async ({ lines }) => void lines.push('ran'), {
      needs: [{ name: 'moon', missing: async () => 'no moon tonight' }],
    });
    expect((await runSuite(suite(needy), options(ran))).cases).toMatchObject([{ result: 'skipped', reason: 'no moon tonight' }]);
    expect(ran.lines).toEqual([]);
  });

  it('runs what focus matches and skip does not', async () => {
    const { cases } = await runSuite(suite(one('a.x'), one('a.y'), one('b.x')), { ...options(), focus: /^a\./, skip: /y$/ });
    expect(cases.map(({ id }) => id)).toEqual(['a.x']);
  });

  it('gives cases more time by a factor', async () => {
    const slow = one('a.slow', (_, signal) => sleep(100, undefined, { signal }), { timeLimitMs: 10 });
    expect((await runSuite(suite(slow), { ...options(), timeFactor: 1000 })).cases).toMatchObject([{ result: 'passed' }]);
  });

  it('fails a case that exceeds its time limit, once that has cleaned up', async () => {
    const log = target();
    const slow = one('a.slow', async ({ lines }, signal) => {
      try {
        await sleep(60_000, undefined, { signal });
      } finally {
        lines.push('cleaned up');
      }
    });
    const { cases } = await runSuite(suite({ ...slow, timeLimitMs: 20 }), options(log));
    expect(cases).toMatchObject([{ result: 'failed', reason: expect.stringContaining('not done within 20 ms') }]);
    expect(log.lines).toEqual(['cleaned up']);
  });

  it('runs cases beside each other, and exclusive ones after them by themselves', async () => {
    const log = target();
    const meeting = Promise.withResolvers<void>();
    const both = [0, 1].map((index) =>
      one(`a.beside-${index ? 'b' : 'a'}`, async ({ lines }) => {
        lines.push('begins');
        if (lines.length === 2) meeting.resolve();
        await meeting.promise;
      }),
    );
    const alone = (id: string) => one(id, async ({ lines }) => void lines.push(id), { exclusive: true });
    await runSuite(suite(alone('a.first'), ...both, alone('a.last')), { ...options(log), parallel: 4 });
    expect(log.lines).toEqual(['begins', 'begins', 'a.first', 'a.last']);
  });

  it('ends what runs once it is aborted, begins nothing more, and reports both as not judged', async () => {
    const aborting = new AbortController();
    const running = one('a.running', async (_, signal) => {
      aborting.abort();
      await sleep(60_000, undefined, { signal });
    });
    const { cases, summary } = await runSuite(
      suite(
        running,
        one('a.next'),
        one('a.alone', async () => {}, { exclusive: true }),
      ),
      {
        ...options(),
        signal: aborting.signal,
      },
    );
    expect(cases.map(({ id, result, reason }) => [id, result, reason])).toEqual(
      ['a.running', 'a.next', 'a.alone'].map((id) => [id, 'skipped', 'the run was interrupted']),
    );
    expect(summary).toMatchObject({ passed: 0, failed: 0, skipped: 3 });
  });

  it('judges nothing more after a case out of time, where the target answers nothing any more', async () => {
    const hanging = one('a.hanging', (_, signal) => sleep(60_000, undefined, { signal }), { timeLimitMs: 10 });
    const alive = async () => {
      throw new Error('no answer');
    };
    const { cases } = await runSuite(suite(hanging, one('a.next')), { ...options(), alive });
    expect(cases).toMatchObject([{ result: 'failed' }, { result: 'skipped', reason: 'the target answers nothing any more: no answer' }]);
  });

  it('ends the calls of a case with its time, and gives those that clean up some more', async () => {
    const bounds: unknown[] = [];
    const slow = one('a.slow', async (_, signal) => {
      const [during, own] = [boundedCall(), boundedCall({ deadlineMs: 5 })];
      await sleep(60_000, undefined, { signal }).catch(() => undefined);
      bounds.push(
        during.signal?.aborted,
        during.deadlineMs,
        own.deadlineMs,
        boundedCall(),
        outsideScopes(() => boundedCall()),
      );
      throw new Error('it ended');
    });
    await runSuite(suite({ ...slow, timeLimitMs: 20 }), { ...options(), timeFactor: 2 });
    expect(bounds).toEqual([true, 40, 5, { deadlineMs: 20_000 }, {}]);
  });

  it('counts what of the protocol was covered', async () => {
    const rpc = { service: 'S', calls: 1, since: '0.23' };
    const coverage = () => ({
      rpcs: [
        { ...rpc, name: 'A', covered: true },
        { ...rpc, name: 'B', covered: false },
      ],
      messages: [{ name: 'M', covered: ['x'], uncovered: ['y', 'z'] }],
    });
    const { summary } = await runSuite(suite(), { ...options(), coverage });
    expect(summary).toMatchObject({ rpcsCovered: 1, rpcsTotal: 2, fieldsCovered: 1, fieldsTotal: 3 });
  });
});
