import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { PodMemories } from './pod-memories.ts';
import type { PodMemory } from './pod-memory.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-memories-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

function open(): PodMemories {
  const memories = new PodMemories(directory, pino({ level: 'silent' }));
  memories.load();
  return memories;
}

const memory = (delayMs: number): PodMemory => ({
  pod: { apiVersion: 'v1', kind: 'Pod', metadata: { uid: 'u', name: 'a' } },
  handler: 'runc',
  status: { phase: 'Running', startTime: '2026-01-01T00:00:00Z' },
  observed: {
    failures: { 'start-container a': { reason: 'ErrImagePull', message: 'm', at: new Date(1000), delayMs } },
    restartDelays: { main: { delayMs, setAt: new Date(2000) } },
  },
});

it('says after a restart what it was told last', async () => {
  const first = open();
  first.remember('u', () => memory(1));
  first.remember('u', () => memory(2));
  await first.flush();
  expect(open().restored('u')).toEqual(memory(2));
});

it.each([0, 1, 2, 3, 4, 5, 6, 7])('writes what comes %i turns after the last write', async (turns) => {
  const log = pino({ level: 'silent' });
  const memories = new PodMemories(directory, log);
  const told = Promise.withResolvers<void>();
  // The last that a write does is to tell that it has failed.
  vi.spyOn(log, 'error').mockImplementation(() => void later(turns, () => memories.remember('u', () => memory(1))).then(told.resolve));
  memories.remember('none/u', () => memory(2));
  await told.promise;
  await memories.flush();
  expect(open().restored('u')).toEqual(memory(1));
});

async function later(turns: number, work: () => void): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await undefined;
  work();
}

it('forgets', async () => {
  const first = open();
  first.remember('u', () => memory(1));
  await first.flush();
  const second = open();
  second.forget('u');
  await second.flush();
  expect([second.restored('u'), open().restoredUids(), readdirSync(directory)]).toEqual([undefined, [], []]);
});

it.each(['', '{', '{"version":2}', '[]'])('a file that says %j is nothing', (text) => {
  writeFileSync(join(directory, 'u.json'), text);
  expect(open().restoredUids()).toEqual([]);
});
