import { execFileSync } from 'node:child_process';
import { appendFileSync, closeSync, constants, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { followKernelLog } from './kernel-log.ts';

let directory: string;
let over: AbortController;
let told: string[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-kmsg-'));
  over = new AbortController();
  told = [];
});

afterEach(() => {
  over.abort();
  rmSync(directory, { recursive: true });
});

const path = () => join(directory, 'kmsg');

/** Collects lines until there are so many; writes again and again meanwhile, since nobody knows when the reading begins. */
async function collect(count: number, write: () => void): Promise<string[]> {
  const lines: string[] = [];
  const writing = setInterval(write, 20);
  for await (const line of followKernelLog(path(), over.signal, (message) => void told.push(message)))
    if (lines.push(line) === count) over.abort();
  clearInterval(writing);
  return lines;
}

it('gives the lines that are added to a file', async () => {
  writeFileSync(path(), 'old\n');
  expect([...new Set(await collect(4, () => appendFileSync(path(), 'one\ntwo\n')))].toSorted()).toEqual(['one', 'two']);
});

it('gives the lines that are written to a FIFO', async () => {
  execFileSync('mkfifo', [path()]);
  // For both ends at once: opening it for writing alone waits for a reader.
  const writer = openSync(path(), constants.O_RDWR);
  expect(new Set(await collect(2, () => writeSync(writer, 'one\n')))).toEqual(new Set(['one']));
  closeSync(writer);
});

it('tells of a log that is not there, and ends', async () => {
  const lines = followKernelLog(path(), over.signal, (message) => void told.push(message));
  const next = lines.next();
  await expect.poll(() => told).toEqual([expect.stringMatching(/kmsg can't be read: ENOENT/)]);
  over.abort();
  expect(await next).toEqual({ done: true, value: undefined });
});
