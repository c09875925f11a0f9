import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ObjectFiles } from './object-files.ts';
import { runProgram } from './run-program.ts';

interface Thing {
  step: number;
}

let directory: string;
let files: ObjectFiles<Thing>;
const signal = AbortSignal.timeout(20_000);

beforeEach(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), 'berth-objects-')));
  files = new ObjectFiles<Thing>(directory, 'thing');
});

afterEach(() => rm(directory, { recursive: true }));

describe('ObjectFiles', () => {
  it('gives a later process what was written', async () => {
    await files.create('a1', { step: 1 });
    await files.write('a1', { step: 2 });
    expect(await new ObjectFiles<Thing>(directory, 'thing').readAll()).toEqual(new Map([['a1', { step: 2 }]]));
  });

  it('lets writes land in the order they were asked for, each as it was then', async () => {
    const thing = { step: 0 };
    await files.create('a1', thing);
    const writes: Promise<void>[] = [];
    for (thing.step = 1; thing.step <= 50; thing.step++) writes.push(files.write('a1', thing));
    await Promise.all(writes);
    expect(await files.readAll()).toEqual(new Map([['a1', { step: 50 }]]));
  });

  it('does not bring back a removed object by a late write', async () => {
    await files.create('a1', { step: 1 });
    const removed = files.remove('a1');
    await Promise.all([removed, files.write('a1', { step: 2 })]);
    await files.write('a1', { step: 3 });
    expect(existsSync(join(directory, 'a1'))).toBe(false);
  });

  it('removes a folder whose record was never written', async () => {
    await mkdir(join(directory, 'a1', 'runtime'), { recursive: true });
    expect(await files.readAll()).toEqual(new Map());
    expect(existsSync(join(directory, 'a1'))).toBe(false);
  });

  it('refuses a record of a newer format, naming the object and the file', async () => {
    await mkdir(join(directory, 'a1'));
    await writeFile(join(directory, 'a1', 'record.json'), JSON.stringify({ version: 2, record: {} }));
    await expect(files.readAll()).rejects.toThrow(/thing a1: its record has format 2, this shim knows format 1; .*a1\/record\.json/);
  });

  it('goes on after a write that failed', async () => {
    await files.create('a1', { step: 1 });
    await rm(join(directory, 'a1'), { recursive: true });
    await writeFile(join(directory, 'a1'), '');
    await expect(files.write('a1', { step: 2 })).rejects.toThrow();
    await rm(join(directory, 'a1'));
    await files.write('a1', { step: 3 });
    expect(JSON.parse(await readFile(join(directory, 'a1', 'record.json'), 'utf8'))).toEqual({ version: 1, record: { step: 3 } });
  });

  it('does not delete through a mount', async (context) => {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) return context.skip('mounting needs root on Linux');
    const volume = join(directory, 'volume');
    const mounted = join(directory, 'things', 'a1', 'runtime', 'mounted');
    files = new ObjectFiles<Thing>(join(directory, 'things'), 'thing');
    await files.create('a1', { step: 1 });
    await mkdir(volume);
    await mkdir(mounted);
    await writeFile(join(volume, 'precious'), '');
    await runProgram('mount', ['--bind', volume, mounted], { signal });
    try {
      await expect(files.remove('a1')).rejects.toThrow(/thing a1: .*\/mounted is still mounted/);
      expect(existsSync(join(volume, 'precious'))).toBe(true);
    } finally {
      await runProgram('umount', [mounted], { signal });
    }
    await files.remove('a1');
    expect(existsSync(join(volume, 'precious'))).toBe(true);
  });
});
