import type { StatsFs } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { pino } from 'pino';
import { beforeEach, expect, it } from 'vitest';
import { ManualClock } from '../../testing/manual-clock.ts';
import { FileSystems } from './file-system.ts';

let clock: ManualClock;
let lines: string[];
/** Each question to the dead one. */
let asked: PromiseWithResolvers<StatsFs>[];
let fileSystems: FileSystems;

beforeEach(() => {
  clock = new ManualClock();
  lines = [];
  asked = [];
  const log = pino({}, { write: (line) => void lines.push((JSON.parse(line) as { msg: string }).msg) });
  const never = () => {
    const answer = Promise.withResolvers<StatsFs>();
    asked.push(answer);
    return answer.promise;
  };
  fileSystems = new FileSystems({ clock, log, ask: (path) => (path === '/dead' ? never() : statfs(path)) });
});

const of = (path: string) => fileSystems.of(path, clock.now());

it('a file system tells what it holds', async () => {
  const stats = await of(tmpdir());
  expect(stats?.capacityBytes).toBeGreaterThan(0);
  expect(stats?.capacityBytes).toBeGreaterThanOrEqual(stats?.availableBytes ?? Number.NaN);
  expect([await of('/nowhere/at/all'), clock.waiting, lines]).toEqual([undefined, 0, []]);
});

it('one that does not answer has no figures, which is told once, and is not asked again until it does', async () => {
  const several = Promise.all([of('/dead'), of('/dead')]);
  await clock.pass(5000);
  expect(await several).toEqual([undefined, undefined]);
  expect(await of('/dead')).toBeUndefined();
  expect(await of(tmpdir())).toBeDefined();
  expect([asked.length, lines]).toEqual([1, [expect.stringMatching(/^the file system of \/dead doesn't answer/)]]);

  asked[0]?.resolve(await statfs(tmpdir()));
  await expect.poll(() => lines).toHaveLength(2);
  const again = of('/dead');
  asked[1]?.resolve(await statfs(tmpdir()));
  expect((await again)?.capacityBytes).toBeGreaterThan(0);
  expect(lines[1]).toBe('the file system of /dead answers again');
});
