import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Stream } from '@berth/sdk/guest';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ContainerLog } from './container-log.ts';

const { STREAM_STDOUT, STREAM_STDERR } = Stream;

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-log-'));
  path = join(directory, 'main.log');
});

afterEach(() => rmSync(directory, { recursive: true }));

async function written(...pieces: [Stream, string][]): Promise<string[]> {
  const log = await ContainerLog.open(path, () => new Date(0));
  for (const [stream, text] of pieces) await log.write(stream, Buffer.from(text));
  await log.close();
  return readFileSync(path, 'utf8').split('\n').slice(0, -1);
}

describe('ContainerLog', () => {
  it('writes a line of each stream with time and tag, in the order of their ends', async () => {
    expect(await written([STREAM_STDOUT, 'one\ntw'], [STREAM_STDERR, 'error\n'], [STREAM_STDOUT, 'o\n'])).toEqual([
      '1970-01-01T00:00:00.000000000Z stdout F one',
      '1970-01-01T00:00:00.000000000Z stderr F error',
      '1970-01-01T00:00:00.000000000Z stdout F two',
    ]);
  });

  it('writes what has no newline at the end of the stream', async () => {
    expect(await written([STREAM_STDOUT, 'prompt> '])).toEqual(['1970-01-01T00:00:00.000000000Z stdout F prompt> ']);
  });

  it('cuts long lines into parts, the last of which is tagged F', async () => {
    const lines = await written([STREAM_STDOUT, 'x'.repeat(20_000)], [STREAM_STDOUT, `${'x'.repeat(20_000)}\n`]);
    expect(lines.map((line) => [line.slice(38, 39), line.length - 40])).toEqual([
      ['P', 16_384],
      ['P', 16_384],
      ['F', 7232],
    ]);
  });

  it('goes on in a new file where the old one was moved away, without losing what was under way', async () => {
    const log = await ContainerLog.open(path, () => new Date(0));
    const before = log.write(STREAM_STDOUT, Buffer.from('one\nhal'));
    renameSync(path, `${path}.1`);
    const [, , after] = await Promise.all([before, log.reopen(), log.write(STREAM_STDOUT, Buffer.from('f\n'))]);
    expect(after).toBeUndefined();
    await log.close();
    await log.reopen();
    const texts = [`${path}.1`, path].map((file) => readFileSync(file, 'utf8').replaceAll(/^\S+ stdout F /gm, ''));
    expect(texts).toEqual(['one\n', 'half\n']);
  });

  it('adds to a log that is there', async () => {
    await written([STREAM_STDOUT, 'one\n']);
    expect(await written([STREAM_STDOUT, 'two\n'])).toHaveLength(2);
  });
});
