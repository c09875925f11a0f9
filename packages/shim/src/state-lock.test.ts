import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tryLock } from './files/file-lock.ts';
import { lockState } from './state-lock.ts';

const notHere = process.platform === 'linux' ? undefined : 'state is locked on Linux only';
const log = pino({ level: 'silent' });
/** This process's parent isn't itself: who names it as the supervisor looks like an orphan. */
const orphaned = { supervisor: process.pid };

describe.skipIf(notHere)(`lockState${notHere ? ` (${notHere})` : ''}`, () => {
  let directory: string;
  let path: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-state-lock-'));
    path = join(directory, 'runc', 'lock');
  });
  afterEach(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  it.each([
    ['without a node', {}],
    ['for a node that lives', { supervisor: process.ppid }],
  ])('refuses at once what another process serves %s', async (_, holder) => {
    const lock = await lockState({ path, handler: 'runc', log, ...holder });
    await expect(lockState({ path, handler: 'runc', log, limitMs: 3_600_000 })).rejects.toThrow(
      `state of runc in ${join(directory, 'runc')}: another process serves this handler from it; stop that one, or choose another`,
    );
    lock.release();
    expect(existsSync(path)).toBe(false);
  });

  it('waits for a holder whose node is gone', async () => {
    const first = await lockState({ path, handler: 'runc', log, ...orphaned });
    const waiting = lockState({ path, handler: 'runc', log });
    first.release();
    const second = await waiting;
    second.release();
  });

  it('waits no longer than it may, and says which process to end', async () => {
    const lock = await lockState({ path, handler: 'runc', log, ...orphaned });
    await expect(lockState({ path, handler: 'runc', log, limitMs: 30 })).rejects.toThrow(
      `process ${process.pid}, whose node is gone, still holds it after 0.03 s; end that process, then start again`,
    );
    lock.release();
  });

  it('takes the words of a holder that was killed for nothing', async () => {
    (await lockState({ path, handler: 'runc', log })).release();
    await writeFile(path, JSON.stringify({ pid: process.pid, supervisor: process.pid }));
    const lock = await lockState({ path, handler: 'runc', log });
    await expect(lockState({ path, handler: 'runc', log, limitMs: 3_600_000 })).rejects.toThrow('another process serves');
    lock.release();
  });

  it('refuses a holder that could not write itself down', async () => {
    (await lockState({ path, handler: 'runc', log })).release();
    const lock = tryLock(path);
    await expect(lockState({ path, handler: 'runc', log, limitMs: 3_600_000 })).rejects.toThrow('another process serves');
    lock?.release();
  });
});
