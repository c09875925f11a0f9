import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Payload, writeAtomically } from './atomic-writer.ts';

let target: string;

beforeEach(async () => {
  target = await mkdtemp(join(tmpdir(), 'berth-atomic-'));
});

afterEach(() => rm(target, { recursive: true, force: true }));

const payload = (files: Record<string, string>, mode = 0o644): Payload =>
  new Map(Object.entries(files).map(([path, text]) => [path, { data: Buffer.from(text), mode }]));
const read = (path: string) => readFileSync(join(target, path), 'utf8');
const visible = async () => (await readdir(target)).filter((name) => !name.startsWith('..')).toSorted();
const dated = async () => (await readdir(target)).filter((name) => /^\.\.\d/.test(name));

describe('writing the files of a volume', () => {
  it('leads each visible name through ..data into a directory of the time', async () => {
    await writeAtomically(target, payload({ 'a.conf': '1', 'sub/b': '2' }), { now: new Date('2026-11-22T05:44:55Z') });
    expect([await readlink(join(target, 'a.conf')), await readlink(join(target, 'sub'))]).toEqual(['..data/a.conf', '..data/sub']);
    expect(await readlink(join(target, '..data'))).toMatch(/^\.\.2026_11_22_05_44_55\.\w{6}$/);
    expect([read('a.conf'), read('sub/b'), await visible()]).toEqual(['1', '2', ['a.conf', 'sub']]);
  });

  it('gives files their modes whatever the umask says', async () => {
    const before = process.umask(0o077);
    await writeAtomically(target, payload({ a: '1' }, 0o666)).finally(() => process.umask(before));
    expect((await stat(join(target, 'a'))).mode & 0o777).toBe(0o666);
    expect((await stat(join(target, '..data'))).mode & 0o777).toBe(0o755);
  });

  it('writes nothing if nothing has changed', async () => {
    await writeAtomically(target, payload({ a: '1' }));
    const before = await dated();
    expect([await writeAtomically(target, payload({ a: '1' })), await dated()]).toEqual(['unchanged', before]);
  });

  it('replaces all at once, removes what is gone, and keeps no old directory', async () => {
    await writeAtomically(target, payload({ a: '1', b: '1' }));
    const [old] = await dated();
    expect(await writeAtomically(target, payload({ a: '2', c: '2' }))).toBe('written');
    expect([read('a'), read('c'), await visible()]).toEqual(['2', '2', ['a', 'c']]);
    expect(await dated()).not.toContain(old);
    expect(await dated()).toHaveLength(1);
  });

  it('shows nothing new before it is finished', async () => {
    await writeAtomically(target, payload({ a: '1' }));
    const seen: string[] = [];
    await writeAtomically(target, payload({ a: '2' }), {
      finish: async (directory) => void seen.push(read('a'), readFileSync(join(directory, 'a'), 'utf8')),
    });
    expect([...seen, read('a')]).toEqual(['1', '2', '2']);
  });

  it('that fails leaves the old files, and nothing else', async () => {
    await writeAtomically(target, payload({ a: '1' }));
    const before = (await readdir(target)).toSorted();
    const failing = writeAtomically(target, payload({ a: '2' }), { finish: () => Promise.reject(new Error('no')) });
    await expect(failing).rejects.toThrow('no');
    expect([read('a'), (await readdir(target)).toSorted()]).toEqual(['1', before]);
  });

  it('tidies up what a crash has left', async () => {
    await writeAtomically(target, payload({ a: '1' }));
    await mkdir(join(target, '..2026_01_01_00_00_00.abcdef'));
    await symlink('..2026_01_01_00_00_00.abcdef', join(target, '..data_tmp'));
    await rm(join(target, 'a'));
    await writeAtomically(target, payload({ a: '1' }));
    expect([read('a'), existsSync(join(target, '..data_tmp')), (await dated()).length]).toEqual(['1', false, 1]);
  });

  it('brings a file that somebody changed back to what it should be', async () => {
    await writeAtomically(target, payload({ a: '1' }));
    await writeFile(join(target, 'a'), '9');
    expect([await writeAtomically(target, payload({ a: '1' })), read('a')]).toEqual(['written', '1']);
  });

  it('takes more rights of a group as they are', async () => {
    await writeAtomically(target, payload({ a: '1' }, 0o600));
    await chmod(join(target, 'a'), 0o640);
    expect(await writeAtomically(target, payload({ a: '1' }, 0o600))).toBe('unchanged');
  });

  it.each(['/etc/passwd', '../a', 'a/../../b', '..data', '..', '.', '', 'a//b', './a', 'a/./b', 'a\0b'])(
    'refuses the path %j',
    async (path) => {
      await expect(writeAtomically(target, payload({ [path]: 'x' }))).rejects.toThrow('no path of a file in a volume');
      expect(await readdir(target)).toEqual([]);
    },
  );
});

describe('by any paths and any order of writes', () => {
  const part = fc.constantFrom('a', 'b', 'c.d', '.e', 'f..', '-g');
  const path = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
  /** No path may be the directory of another. */
  const files = fc
    .dictionary(path, fc.string({ maxLength: 8 }), { maxKeys: 5 })
    .map((all) =>
      Object.fromEntries(Object.entries(all).filter(([own]) => !Object.keys(all).some((other) => other.startsWith(`${own}/`)))),
    );

  it('what is seen is what was written last, and nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(files, { minLength: 1, maxLength: 4 }), async (writes) => {
        for (const each of writes) await writeAtomically(target, payload(each));
        const last = writes.at(-1) ?? {};
        expect(Object.fromEntries(Object.keys(last).map((key) => [key, read(key)]))).toEqual(last);
        const tops = new Set(Object.keys(last).map((key) => key.split('/')[0]));
        expect(await visible()).toEqual([...tops].toSorted());
        expect(await dated()).toHaveLength(1);
      }),
      { numRuns: 60 },
    );
  });

  it('nothing is written outside of the volume', async () => {
    const odd = fc
      .array(fc.constantFrom('..', '.', '', 'a', '..data', 'b\0'), { minLength: 1, maxLength: 5 })
      .map((parts) => parts.join('/'));
    const outside = join(target, 'in/side');
    await mkdir(outside, { recursive: true });
    await fc.assert(
      fc.asyncProperty(odd, async (each) => {
        await writeAtomically(outside, payload({ [each]: 'x' })).catch(() => undefined);
        expect([readdirSync(target), readdirSync(join(target, 'in'))]).toEqual([['in'], ['side']]);
      }),
      { numRuns: 60 },
    );
  });
});
