import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../paths.mjs';

const planted = {
  'results.test.ts': `
    import { expect, it } from 'vitest';
    it('passes', () => expect(1).toBe(1));
    it('fails', () => expect(1).toBe(2));
    it('skips', ({ skip }) => skip('there is no crun'));
    it.skip('is skipped (needs root)', () => {});
    it.todo('comes later');`,
  'broken.test.ts': "import './missing.ts';",
  'hook.test.ts': `
    import { beforeAll, describe, it } from 'vitest';
    describe('suite', () => {
      beforeAll(() => { throw new Error('no'); });
      it('is never run', () => {});
    });`,
};

describe('the outcome of a vitest run', () => {
  let directory: string;
  let outcome: Record<'passed' | 'failed', number> & Record<'failures' | 'skipped', { test: string; reason: string }[]>;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-reporter-'));
    await symlink(join(root, 'node_modules'), join(directory, 'node_modules'));
    for (const [name, source] of Object.entries(planted)) await writeFile(join(directory, name), source);
    const file = join(directory, 'outcome.json');
    const args = ['run', '--root', directory, `--reporter=${join(root, 'setup/phases/vitest-reporter.mjs')}`];
    const env = { ...process.env, BERTH_TEST_OUTCOME: file };
    await once(spawn(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), ...args], { env, cwd: directory }), 'close');
    outcome = JSON.parse(await readFile(file, 'utf8'));
  });

  afterAll(() => rm(directory, { recursive: true, force: true }));

  it('counts a failed test, a file that cannot be loaded and a failed hook as one failure each', () => {
    expect(outcome).toMatchObject({ passed: 1, failed: 3 });
  });

  it('names each failure, with the first line of its error', () => {
    expect(outcome.failures.toSorted((one, other) => one.test.localeCompare(other.test))).toEqual([
      { test: 'broken.test.ts', reason: expect.stringContaining("Cannot find module './missing.ts'") },
      { test: 'hook.test.ts > suite', reason: 'no' },
      { test: 'results.test.ts > fails', reason: 'expected 1 to be 2 // Object.is equality' },
    ]);
  });

  it.each([
    ['the test gave', 'results.test.ts > skips', 'there is no crun'],
    ['stands in its name', 'results.test.ts > is skipped (needs root)', 'needs root'],
    ['nobody gave', 'results.test.ts > comes later', 'no reason given'],
  ])('tells of a skipped test the reason that %s', (_, test, reason) => {
    expect(outcome.skipped).toContainEqual({ test, reason });
  });
});
