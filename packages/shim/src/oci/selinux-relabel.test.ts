import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ContainerConfig, PodSandboxConfig } from '@berth/sdk/cri';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withoutRoot } from '../../testing/test-shim.ts';
import type { ContainerSpec } from '../runtime.ts';
import { syscalls } from '../syscalls.ts';
import { relabel, toBeRelabelled } from './selinux-relabel.ts';

const label = 'system_u:object_r:container_file_t:s0:c1,c2';
const signal = AbortSignal.timeout(10_000);

describe.skipIf(withoutRoot)(`relabel${withoutRoot ? ` (${withoutRoot})` : ''}`, () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-selinux-'));
  });

  afterEach(() => rm(directory, { recursive: true }));

  const labelOf = (path: string): string | undefined => {
    const value = syscalls().getAttribute(path, 'security.selinux');
    return value && Buffer.from(value).toString();
  };

  it('labels all that is in a folder, and nothing that links lead to', async () => {
    await mkdir(join(directory, 'volume/deep'), { recursive: true });
    await writeFile(join(directory, 'volume/deep/file'), '');
    await writeFile(join(directory, 'outside'), '');
    await symlink('../outside', join(directory, 'volume/link'));
    await relabel([join(directory, 'volume')], label, 'container web', signal);
    for (const name of ['volume', 'volume/deep', 'volume/deep/file', 'volume/link'])
      expect(labelOf(join(directory, name)), name).toBe(`${label}\0`);
    expect(labelOf(join(directory, 'outside'))).toBeUndefined();
  });

  it('passes over what keeps no labels', async () => {
    await expect(relabel(['/proc/version'], label, 'container web', signal)).resolves.toBeUndefined();
  });

  it("refuses the system's folders", async () => {
    await expect(relabel(['/usr'], label, 'container web', signal)).rejects.toThrow(/container web: .*\/usr is the system's/);
  });
});

describe('toBeRelabelled', () => {
  it("is what the request says, and the pod's files", () => {
    const mount = { readonly: false, propagation: 'private' } as const;
    const container: ContainerSpec = {
      id: 'c1',
      sandbox: {
        id: 's1',
        config: PodSandboxConfig.fromPartial({}),
        directory: '/s',
        namespaces: {},
        sharedPid: false,
        files: { '/etc/hosts': '/s/hosts' },
      },
      config: ContainerConfig.fromPartial({ mounts: [{ containerPath: '/a/', selinuxRelabel: true }, { containerPath: '/b' }] }),
      directory: '/c',
      rootfs: undefined,
      process: { args: [], env: [], cwd: '/', user: { uid: 0, gid: 0, additionalGids: [] } },
      mounts: [
        { source: '/s/hosts', destination: '/etc/hosts', ...mount },
        { source: '/volumes/a', destination: '/a/', ...mount },
        { source: '/volumes/b', destination: '/b', ...mount },
      ],
      logPath: undefined,
      stopSignal: 'SIGTERM',
    };
    expect(toBeRelabelled(container)).toEqual(['/s/hosts', '/volumes/a']);
  });
});
