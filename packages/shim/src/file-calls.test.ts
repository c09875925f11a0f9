import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { inTrace, newSpan } from '@berth/sdk/trace-context';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CallDescription } from './calls.ts';
import { ShimDirectories } from './directories.ts';
import { FileCalls } from './file-calls.ts';
import { ObjectFiles } from './object-files.ts';

let directory: string;
let directories: ShimDirectories;
let calls: FileCalls;

const call = (sandboxId: string): CallDescription => ({ protocol: 'oci', plugin: 'runc', method: 'create', subject: 'main', sandboxId });

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-calls-'));
  directories = new ShimDirectories(join(directory, 'root'), join(directory, 'run'), 'runc');
  calls = new FileCalls(directories);
});

afterEach(() => rm(directory, { recursive: true }));

async function records(sandboxId: string) {
  const text = await readFile(join(directories.calls, `${sandboxId}.jsonl`), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe('FileCalls', () => {
  it('records a call as a child of the call that caused it, and gives its result', async () => {
    const parent = newSpan();
    expect(await inTrace(parent, () => calls.record(call('a'), async () => 42))).toBe(42);
    const [record] = await records('a');
    expect(record).toMatchObject({ ...call('a'), traceId: parent.traceId, parentSpanId: parent.spanId, outcome: 'OK' });
    expect(record.durationMs).toBeGreaterThanOrEqual(0);
    expect(Math.abs(record.startedAt - Date.now())).toBeLessThan(10_000);
    expect((await stat(join(directories.calls, 'a.jsonl'))).mode & 0o777).toBe(0o600);
  });

  it('records why a call failed, and throws that', async () => {
    const failure = new PluginError('NOT_FOUND', 'no such thing');
    await expect(calls.record(call('a'), () => Promise.reject(failure))).rejects.toBe(failure);
    expect(await records('a')).toMatchObject([{ outcome: 'NOT_FOUND', message: 'no such thing' }]);
  });

  it('makes a call inside a call its child', async () => {
    await calls.record(call('a'), () => calls.record({ ...call('a'), method: 'state' }, async () => undefined));
    const [inner, outer] = await records('a');
    expect(inner).toMatchObject({ method: 'state', traceId: outer.traceId, parentSpanId: outer.spanId });
  });

  it('fails no call because its record can not be written', async () => {
    await writeFile(join(directory, 'run'), 'no directory');
    expect(await calls.record(call('a'), async () => 'done')).toBe('done');
  });

  it('keeps the first and the last calls of a sandbox that lives long', async () => {
    const append = (subject: string): void =>
      calls.append({ ...call('a'), ...newSpan(), subject, startedAt: 0, durationMs: 1, outcome: 'OK' });
    const sizes: number[] = [];
    for (let index = 0; index < 3000; index++) {
      append(`probe ${index}`);
      sizes.push((await stat(join(directories.calls, 'a.jsonl'))).size);
    }
    expect(Math.max(...sizes)).toBeLessThanOrEqual(256 * 1024);
    const kept = (await records('a')).map(({ subject }) => subject);
    expect([kept[0], kept.at(-1)]).toEqual(['probe 0', 'probe 2999']);
    expect(kept.length).toBeGreaterThan(400);
    expect(new Set(kept).size).toBe(kept.length);
    expect(await readdir(directories.calls)).toEqual(['a.jsonl']);
  });

  it('keeps no calls that belong to no sandbox', async () => {
    await calls.record({ protocol: 'oci', plugin: 'runc', method: '--version' }, async () => undefined);
    await expect(readdir(directories.calls)).rejects.toThrow(/ENOENT/);
  });

  it('keeps the files of 200 sandboxes that are gone, and of all that live, under any handler', async () => {
    const other = new ShimDirectories(join(directory, 'root'), join(directory, 'run'), 'kata');
    await new ObjectFiles(directories.sandboxes, 'sandbox').create('own', {});
    await new ObjectFiles(other.sandboxes, 'sandbox').create('of-another-handler', {});
    for (const id of ['own', 'of-another-handler']) await calls.record(call(id), async () => undefined);
    for (let index = 0; index < 210; index++) await calls.record(call(`gone-${index}`), async () => undefined);
    calls.trim();
    const left = await readdir(directories.calls);
    expect(left).toHaveLength(202);
    expect(left).toEqual(expect.arrayContaining(['own.jsonl', 'of-another-handler.jsonl', 'gone-209.jsonl']));
  });
});
