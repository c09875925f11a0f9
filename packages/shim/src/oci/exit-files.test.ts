import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ExitFiles } from './exit-files.ts';

let directory: string;
let exits: ExitFiles;
let arrived: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-exits-'));
  exits = new ExitFiles(directory);
  arrived = [];
  await exits.open((id) => arrived.push(id));
});

afterEach(async () => rm(directory, { recursive: true }));

/** As conmon does. */
async function end(id: string, code: string): Promise<void> {
  const partial = join(directory, `${id}.XY12AB`);
  await writeFile(partial, code);
  await rename(partial, join(directory, id));
}

it('tells a wait of an exit that comes, and of one that was there before', async () => {
  const coming = exits.wait('c1', AbortSignal.timeout(10_000));
  await end('c2', '1');
  await end('c1', '7');
  expect(await coming).toMatchObject({ exitCode: 7, finishedAt: expect.any(Date) });
  expect((await exits.wait('c1', AbortSignal.timeout(10_000))).exitCode).toBe(7);
  expect(new Set(arrived)).toEqual(new Set(['c2', 'c1']));
  expect((await exits.ids()).toSorted()).toEqual(['c1', 'c2']);
});

it('knows no exit of a container that has not ended, nor of one that was removed', async () => {
  expect(await exits.read('c1')).toBeUndefined();
  await exits.write('c1', 137);
  expect(await exits.read('c1')).toMatchObject({ exitCode: 137 });
  await exits.remove('c1');
  await exits.remove('c1');
  expect(await exits.read('c1')).toBeUndefined();
});

it('gives up a wait that is aborted', async () => {
  await expect(exits.wait('c1', AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
});
