import { appendFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CriLogReader, parseCriLogLine } from './cri-log.ts';
import { type ReadLogsOptions, readLogs } from './read-logs.ts';

const line = (text: string, tag = 'F') => `2026-11-21T12:00:00.000000001Z stdout ${tag} ${text}\n`;

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-log-'));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

const write = (name: string, text: string) => writeFile(join(directory, name), text);

async function open(options: Partial<ReadLogsOptions> = {}, signal = new AbortController().signal) {
  return readLogs({ directory, isOver: () => false, ...options }, signal);
}

async function text(log: AsyncIterable<Buffer>): Promise<string> {
  let all = '';
  for await (const piece of log) all += piece;
  return all;
}

describe('a line of a CRI log', () => {
  it('has time, stream, tag and content', () => {
    expect(parseCriLogLine(Buffer.from('2026-11-21T12:00:00Z stderr P:x a  b '))).toEqual({
      time: '2026-11-21T12:00:00Z',
      stream: 'stderr',
      partial: true,
      content: Buffer.from('a  b '),
    });
  });

  it('may be empty', () => {
    expect(parseCriLogLine(Buffer.from('2026-11-21T12:00:00Z stdout F '))?.content).toEqual(Buffer.alloc(0));
  });

  it('of another form is shown as it is', () => {
    expect(new CriLogReader().read(Buffer.from('panic!\n')).toString()).toBe('panic!\n');
  });

  it('that is partial goes on in the next one, across pieces of any size', () => {
    const reader = new CriLogReader();
    const log = Buffer.from(line('one ', 'P') + line('line') + line('two'));
    const output = [...log].map((byte) => reader.read(Buffer.from([byte])).toString());
    expect(output.join('')).toBe('one line\ntwo\n');
  });
});

it.each([
  ['2026-11-21T12:00:00.000000001Z', '2026-11-21T12:00:00.000000001Z'],
  ['2026-11-21T12:00:00.17451792Z', '2026-11-21T12:00:00.174517920Z'],
  ['2026-11-21T12:00:00Z', '2026-11-21T12:00:00.000000000Z'],
  ['2026-11-21T12:00:00.5+00:00', '2026-11-21T12:00:00.500000000Z'],
  ['2026-11-21T14:00:00.5+02:00', '2026-11-21T14:00:00.500000000+02:00'],
  ['yesterday', 'yesterday'],
])('the time %s is shown as %s', (written, shown) => {
  expect(new CriLogReader({ timestamps: true }).read(Buffer.from(`${written} stdout F a\n`)).toString()).toBe(`${shown} a\n`);
});

describe('a container log', () => {
  it('is that of the newest instance', async () => {
    await write('9.log', line('old'));
    await write('10.log', line('new'));
    expect(await text(await open())).toBe('new\n');
    expect(await text(await open({ previous: true }))).toBe('old\n');
  });

  it('without a previous instance says so, though it has been rotated', async () => {
    await write('0.log', line('only'));
    await write('0.log.1', line('rotated'));
    await expect(open({ previous: true })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it.each([
    [0, ''],
    [1, 'three\n'],
    [2, 'two\nthree\n'],
    [9, 'one\ntwo\nthree\n'],
  ])('of the last %i lines', async (tailLines, expected) => {
    await write('0.log', line('one') + line('two') + line('three'));
    expect(await text(await open({ tailLines }))).toBe(expected);
  });

  it('of the last lines of a long log', async () => {
    await write('0.log', Array.from({ length: 5000 }, (_, index) => line(`${index}`)).join(''));
    const lines = (await text(await open({ tailLines: 3000 }))).split('\n');
    expect([lines.length, lines[0]]).toEqual([3001, '2000']);
  });

  it('that is followed goes on as lines come, through rotation and restarts, until the container is over', async () => {
    await write('0.log', line('one'));
    let over = false;
    const log = (await open({ follow: true, isOver: () => over }))[Symbol.asyncIterator]();
    const next = async () => String((await log.next()).value);
    expect(await next()).toBe('one\n');
    await appendFile(join(directory, '0.log'), line('two'));
    expect(await next()).toBe('two\n');
    await rename(join(directory, '0.log'), join(directory, '0.log.1'));
    await write('0.log', line('rotated'));
    expect(await next()).toBe('rotated\n');
    await write('1.log', line('restarted'));
    expect(await next()).toBe('restarted\n');
    over = true;
    expect(await log.next()).toEqual({ done: true, value: undefined });
  });

  it('that is followed ends when its reader does', async () => {
    const reader = new AbortController();
    const all = text(await open({ follow: true }, reader.signal));
    reader.abort();
    expect(await all).toBe('');
  });
});
