import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ContainerLog, type LogStream } from './container-log.ts';

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-log-'));
  path = join(directory, 'main.log');
});

afterEach(() => rmSync(directory, { recursive: true }));

function linesOf(file: string): string[] {
  return readFileSync(file, 'utf8').split('\n').slice(0, -1);
}

async function written(...pieces: [LogStream, string][]): Promise<string[]> {
  const log = await ContainerLog.open(path, () => new Date(0));
  for (const [stream, text] of pieces) await log.write(stream, Buffer.from(text));
  await log.close();
  return linesOf(path);
}

describe('ContainerLog', () => {
  it('writes a line of each stream with time and tag, in the order of their ends', async () => {
    expect(await written(['stdout', 'one\ntw'], ['stderr', 'error\n'], ['stdout', 'o\n'])).toEqual([
      '1970-01-01T00:00:00.000000000Z stdout F one',
      '1970-01-01T00:00:00.000000000Z stderr F error',
      '1970-01-01T00:00:00.000000000Z stdout F two',
    ]);
  });

  it('writes what has no newline at the end of the stream', async () => {
    expect(await written(['stdout', 'prompt> '])).toEqual(['1970-01-01T00:00:00.000000000Z stdout F prompt> ']);
  });

  it('cuts long lines into parts, the last of which is tagged F', async () => {
    const lines = await written(['stdout', 'x'.repeat(20_000)], ['stdout', `${'x'.repeat(20_000)}\n`]);
    expect(lines.map((line) => [line.slice(38, 39), line.length - 40])).toEqual([
      ['P', 16_384],
      ['P', 16_384],
      ['F', 7232],
    ]);
  });

  it('adds to a log that is there', async () => {
    await written(['stdout', 'one\n']);
    expect(await written(['stdout', 'two\n'])).toHaveLength(2);
  });

  it('reopened while it is written to, puts every line into the one file or the other, whole and in order', async () => {
    const log = await ContainerLog.open(path);
    const write = (from: number) => Array.from({ length: 50 }, (_, index) => log.write('stdout', Buffer.from(`line ${from + index}\n`)));
    const before = write(0);
    await before[0];
    renameSync(path, `${path}.1`);
    await Promise.all([...before, log.reopen(), ...write(50)]);
    await log.close();
    const text = [...linesOf(`${path}.1`), ...linesOf(path)].map((line) => line.split(' F ')[1]);
    expect(text).toEqual(Array.from({ length: 100 }, (_, index) => `line ${index}`));
    expect(linesOf(path)).toHaveLength(50);
  });

  it('a line that has begun when its file is moved away comes whole to the new one', async () => {
    const log = await ContainerLog.open(path);
    await log.write('stdout', Buffer.from('begun, '));
    renameSync(path, `${path}.1`);
    await log.reopen();
    await log.write('stdout', Buffer.from('ended\n'));
    await log.close();
    expect([linesOf(`${path}.1`), linesOf(path)]).toEqual([[], [expect.stringMatching(/ stdout F begun, ended$/)]]);
  });
});
