import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { newFileStream } from './new-file-stream.ts';

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-stream-'));
  path = join(directory, 'file');
});
afterEach(() => rm(directory, { recursive: true }));

it.each([true, false])('writes a file that was not there, waiting for the disk: %s', async (flush) => {
  await pipeline(Readable.from(['text']), await newFileStream(path, { mode: 0o640, flush }));
  expect(await readFile(path, 'utf8')).toBe('text');
  expect((await stat(path)).mode & 0o777).toBe(0o640);
  await expect(newFileStream(path)).rejects.toThrow('EEXIST');
});

it('makes no file after its pipeline has failed', async () => {
  for (let times = 0; times < 50; times++) {
    const failing = pipeline(Readable.from(['text']), await newFileStream(path), { signal: AbortSignal.abort() });
    await expect(failing).rejects.toThrow('aborted');
    await rm(path);
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await readdir(directory)).toEqual([]);
});
