import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { failureLines, runPhase } from './run-phase.mjs';

type Outcome = Awaited<ReturnType<typeof runPhase>>;

async function run(phase: () => Promise<Outcome>): Promise<{ outcome: Outcome; said: string }> {
  const output = new PassThrough();
  const outcome = await runPhase({ name: 'types', run: phase }, output);
  output.end();
  return { outcome, said: await text(output) };
}

describe('a phase of npm test', () => {
  it('says in one line how it went', async () => {
    const { said } = await run(async () => ({ passed: 2, failed: 0, skipped: [] }));
    expect(said).toMatch(/^ok {7}types, \d+\.\d s: 2 passed, 0 failed, 0 skipped\n$/);
  });

  it('has a line for each skipped test, with the reason', async () => {
    const { said } = await run(async () => ({ passed: 0, failed: 0, skipped: [{ test: 'a.test.ts > b', reason: 'no crun' }] }));
    expect(said).toContain('skipped  a.test.ts > b: no crun\n');
  });

  it('shows what explains a failure before it says that it failed', async () => {
    const { said } = await run(async () => ({ passed: 0, failed: 1, skipped: [], output: 'x.ts(1,1): error\n' }));
    expect(said).toMatch(/^x\.ts\(1,1\): error\nfailed {3}types/);
  });

  it('has failed if it cannot be run at all', async () => {
    const { outcome, said } = await run(() => Promise.reject(new Error('spawn tsc ENOENT')));
    expect(outcome).toMatchObject({ passed: 0, failed: 1 });
    expect(said).toContain('spawn tsc ENOENT');
  });

  it('has a line for each failed test, to be told at the end', () => {
    const outcome = { passed: 0, failed: 1, failures: [{ test: 'a.test.ts > b', reason: 'expected 1 to be 2' }], skipped: [] };
    expect(failureLines({ name: 'unit', run: async () => outcome }, outcome)).toEqual(['failed   unit: a.test.ts > b: expected 1 to be 2']);
  });

  it('has a line for a failure that no test explains', () => {
    const outcome = { passed: 0, failed: 1, skipped: [], output: 'x.ts(1,1): error\nmore\n' };
    expect(failureLines({ name: 'types', run: async () => outcome }, outcome)).toEqual(['failed   types: x.ts(1,1): error']);
  });
});
