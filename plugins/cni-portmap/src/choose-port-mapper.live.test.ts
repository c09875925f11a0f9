import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { backends, call, containerChain, findOnPath, host, inside, nft, useHost } from './mapped-host.fixture.ts';

useHost();

describe('STATUS', () => {
  it.each(backends)('succeeds where %s works', async (backend) => {
    expect(await call('STATUS', { backend })).toEqual({});
  });
});

describe('without the key backend', () => {
  it('ADD maps by iptables', async () => {
    await call('ADD', { backend: null });
    expect(inside(host, 'iptables', '-t', 'nat', '-S')).toContain(`-N ${containerChain}`);
    expect(nft('list', 'tables')).not.toContain('cni_hostport');
  });

  it('ADD maps by nftables where there is no iptables', async ({ onTestFinished }) => {
    const path = await mkdtemp(join(tmpdir(), 'berth-portmap-'));
    onTestFinished(() => rm(path, { recursive: true }));
    for (const program of ['ip', 'nft']) await symlink(findOnPath(program), join(path, program));
    await call('ADD', { backend: null, path });
    expect(nft('list', 'tables')).toBe('table ip cni_hostport\ntable ip6 cni_hostport\n');
  });
});
