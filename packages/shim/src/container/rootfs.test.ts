import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withoutRoot } from '../../testing/test-shim.ts';
import { mountPoints } from '../mount-points.ts';
import { makeRootfs, planRootfs, unmountRootfs } from './rootfs.ts';

let directory: string;
const signal = AbortSignal.timeout(60_000);

beforeEach(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), 'berth-rootfs-')));
});

afterEach(() => rm(directory, { recursive: true }));

async function layers(count: number, suffix = ''): Promise<string[]> {
  const paths = Array.from({ length: count }, (_, index) => join(directory, 'layers', `${String(index).padStart(8, '0')}${suffix}`));
  for (const [index, path] of paths.entries()) {
    await mkdir(path, { recursive: true });
    await writeFile(join(path, `file-${index}`), String(index));
    await writeFile(join(path, 'shared'), String(index));
  }
  return paths;
}

describe('planRootfs', () => {
  it('is nothing for a runtime whose images are names', () => {
    expect(planRootfs([], '/c', 'none')).toBeUndefined();
  });

  it('leaves the stacking to a runtime that wants layers', () => {
    expect(planRootfs(['/l/1', '/l/0'], '/c', 'layers')).toEqual({
      lowers: ['/l/1', '/l/0'],
      upper: '/c/upper',
      work: '/c/work',
      mounted: undefined,
    });
  });
});

describe.skipIf(withoutRoot)(`makeRootfs${withoutRoot ? ` (${withoutRoot})` : ''}`, () => {
  const longName = 'a-layer,with:a\\name-'.padEnd(64, 'x');

  async function mounted(count: number, check: (root: string) => Promise<void>, suffix = ''): Promise<void> {
    const rootfs = planRootfs(await layers(count, suffix), join(directory, 'container'), 'mounted');
    if (rootfs?.mounted === undefined) throw new Error('not planned');
    await makeRootfs(rootfs, 'container c', signal);
    try {
      await check(rootfs.mounted);
    } finally {
      await unmountRootfs(rootfs, signal);
      await unmountRootfs(rootfs, signal);
    }
    expect((await mountPoints()).has(rootfs.mounted)).toBe(false);
  }

  it('shows the topmost layer first, and keeps what is written apart', async () => {
    await mounted(3, async (root) => {
      expect(await readFile(join(root, 'shared'), 'utf8')).toBe('0');
      expect(await readFile(join(root, 'file-2'), 'utf8')).toBe('2');
      await writeFile(join(root, 'shared'), 'changed');
      expect(await readFile(join(directory, 'layers/00000000/shared'), 'utf8')).toBe('0');
      expect(existsSync(join(directory, 'container/upper/shared'))).toBe(true);
    });
  });

  it('mounts an image of 127 layers, as many as registries take, whatever their names', async () => {
    await mounted(127, async (root) => expect(await readFile(join(root, 'file-126'), 'utf8')).toBe('126'), longName);
  });

  it('mounts an image without layers', async () => {
    await mounted(0, async (root) => {
      await writeFile(join(root, 'own'), '');
      expect(existsSync(join(directory, 'container/upper/own'))).toBe(true);
    });
  });

  it('says so when the layers are too many for one mount', async () => {
    const rootfs = planRootfs(
      Array.from({ length: 2000 }, (_, index) => `/layers/${index}`),
      join(directory, 'c'),
      'mounted',
    );
    if (!rootfs) throw new Error('not planned');
    await expect(makeRootfs(rootfs, 'container c', signal)).rejects.toThrow(/container c: its image has 2000 layers.*squash/);
  });
});
