import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { removeJson, removeStalePartials, writeJson } from './json-file.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-json-'));
});

afterEach(() => rm(directory, { recursive: true }));

describe('what a killed writer left', () => {
  it('goes with its file, and not with another one', async () => {
    for (const name of ['a', 'ab']) {
      await writeJson(join(directory, `${name}.json`), {});
      await writeFile(join(directory, `${name}.json.0123.tmp`), '{');
    }
    await removeJson(join(directory, 'a.json'));
    expect((await readdir(directory)).sort()).toEqual(['ab.json', 'ab.json.0123.tmp']);
    await removeJson(join(directory, 'nothing.json'));
  });

  it('is removed once nobody can be writing it any more', async () => {
    for (const name of ['old', 'new']) await writeFile(join(directory, `${name}.json.0123.tmp`), '{');
    const anHourAgo = new Date(Date.now() - 3_600_000);
    await utimes(join(directory, 'old.json.0123.tmp'), anHourAgo, anHourAgo);
    await removeStalePartials(directory);
    expect(await readdir(directory)).toEqual(['new.json.0123.tmp']);
    await removeStalePartials(join(directory, 'nowhere'));
  });
});
