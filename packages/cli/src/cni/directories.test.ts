import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chooseDirectories } from './directories.ts';

describe('chooseDirectories', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'berth-directories-'));
    await mkdir(join(root, 'cni/net.d'), { recursive: true });
  });
  afterEach(() => rm(root, { recursive: true }));

  const node = () => ({ confDir: join(root, 'cni/net.d'), binDirs: [], cacheDir: join(root, 'cni') });
  const configure = () => writeFile(join(root, 'cni/net.d/10-net.conflist'), '{}');

  it("takes the node's cache and locks with its configuration", async () => {
    await configure();
    const ofNode = { confDir: node().confDir, cacheDir: node().cacheDir, ofNode: true };
    expect(chooseDirectories({}, node())).toEqual(ofNode);
    expect(chooseDirectories({ confDir: `${node().confDir}/` }, node())).toMatchObject({ cacheDir: node().cacheDir, ofNode: true });
  });

  it('takes those of everybody else where the node has no configuration, as when it left an empty directory', () => {
    const others = { confDir: '/etc/cni/net.d', cacheDir: '/var/lib/cni', ofNode: false };
    expect(chooseDirectories({}, node())).toEqual({ ...others, passedOver: node().confDir });
    const missing = '/no/such/directory';
    expect(chooseDirectories({}, { ...node(), confDir: missing })).toEqual({ ...others, passedOver: missing });
  });

  it("takes the node's cache where that keeps something, though the configuration has gone", async () => {
    await mkdir(join(root, 'cni/results'));
    await writeFile(join(root, 'cni/results/net-id-eth0'), '{}');
    expect(chooseDirectories({}, node())).toMatchObject({ confDir: '/etc/cni/net.d', cacheDir: node().cacheDir, ofNode: true });
    expect(chooseDirectories({ confDir: '/etc/cni/net.d' }, node())).toMatchObject({ cacheDir: '/var/lib/cni' });
  });

  it('takes what is told', async () => {
    await configure();
    expect(chooseDirectories({ confDir: '/etc/cni/mine' }, node())).toMatchObject({ confDir: '/etc/cni/mine', cacheDir: '/var/lib/cni' });
    expect(chooseDirectories({ cacheDir: '/tmp/cache' }, node())).toMatchObject({ cacheDir: '/tmp/cache', ofNode: false });
  });
});
