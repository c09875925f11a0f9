import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tryLock, withLock } from './file-lock.ts';

const notHere = process.platform === 'linux' ? undefined : 'the layered store is for Linux';
const signal = AbortSignal.timeout(20_000);

describe.skipIf(notHere)(`withLock${notHere ? ` (${notHere})` : ''}`, () => {
  let directory: string;
  let path: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-lock-'));
    path = join(directory, 'lock');
  });
  afterEach(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  it('lets one in at a time, and leaves no file', async () => {
    let inside = 0;
    const most: number[] = [];
    const enter = () =>
      withLock(path, signal, async () => {
        most.push(++inside);
        await new Promise(setImmediate);
        inside--;
      });
    await Promise.all(Array.from({ length: 20 }, enter));
    expect(most).toEqual(Array.from({ length: 20 }, () => 1));
    expect(existsSync(path)).toBe(false);
  });

  it('keeps the file where it is told to, and locks it again', async () => {
    const enter = () => withLock(path, signal, async () => tryLock(path), { keep: true });
    for (let round = 0; round < 2; round++) {
      expect(await enter()).toBeUndefined();
      expect(existsSync(path)).toBe(true);
    }
  });

  it('gives the lock back where its file was taken away', async () => {
    const holder = tryLock(path);
    await rename(path, `${path}.moved`);
    expect(() => holder?.release()).toThrow('ENOENT');
    await rename(`${path}.moved`, path);
    expect(tryLock(path)).toBeDefined();
  });

  it('gives the lock back when the body fails', async () => {
    await expect(withLock(path, signal, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(tryLock(path)).toBeDefined();
  });

  it('says what it waited for when it gives up', async () => {
    const holder = tryLock(path);
    await expect(withLock(path, AbortSignal.timeout(10), async () => undefined)).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message: expect.stringContaining(path),
    });
    holder?.release();
  });

  it('is free again when the process that held it is killed', async () => {
    const holder = spawn(process.execPath, ['--conditions=berth-source', '--input-type=module', '-e', holdLock(path)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    expect(tryLock(path)).toBeUndefined();
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    expect(await withLock(path, signal, async () => 'mine')).toBe('mine');
  });
});

function holdLock(path: string): string {
  const module = new URL('./file-lock.ts', import.meta.url).href;
  return `const { tryLock } = await import(${JSON.stringify(module)}); tryLock(${JSON.stringify(path)}); console.log('held'); setInterval(() => {}, 1000);`;
}
