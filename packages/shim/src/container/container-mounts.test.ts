import { mkdir, mkdtemp, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ContainerConfig, type Mount, MountPropagation } from '@berth/sdk/cri';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { containerMounts } from './container-mounts.ts';

let directory: string;

beforeEach(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), 'berth-mounts-')));
});

afterEach(() => rm(directory, { recursive: true }));

function mounts(asked: Partial<Mount>[], files: Record<string, string> = {}) {
  return containerMounts(ContainerConfig.fromPartial({ mounts: asked }), files, new Map(), undefined, 'container c');
}

describe('containerMounts', () => {
  it('follows a link to the source', async () => {
    await mkdir(join(directory, 'real'));
    await symlink('real', join(directory, 'link'));
    const [mount] = await mounts([{ containerPath: '/v', hostPath: join(directory, 'link'), readonly: true }]);
    expect(mount).toEqual({ source: join(directory, 'real'), destination: '/v', readonly: true, propagation: 'private' });
  });

  it('mounts outer places before inner ones', async () => {
    const asked = ['/a/b/c', '/a', '/a/b'].map((containerPath) => ({ containerPath, hostPath: directory }));
    expect((await mounts(asked)).map((mount) => mount.destination)).toEqual(['/a', '/a/b', '/a/b/c']);
  });

  it("lets a mount of the request take the place of the sandbox's file", async () => {
    const made = await mounts([{ containerPath: '/etc/hosts', hostPath: directory }], {
      '/etc/hosts': '/sandbox/hosts',
      '/etc/hostname': '/sandbox/hostname',
    });
    expect(made.map(({ destination, source }) => [destination, source])).toEqual([
      ['/etc/hostname', '/sandbox/hostname'],
      ['/etc/hosts', directory],
    ]);
  });

  it('knows the three propagations', async () => {
    const asked = [
      MountPropagation.PROPAGATION_PRIVATE,
      MountPropagation.PROPAGATION_HOST_TO_CONTAINER,
      MountPropagation.PROPAGATION_BIDIRECTIONAL,
    ].map((propagation, index) => ({ containerPath: `/${index}`, hostPath: directory, propagation }));
    expect((await mounts(asked)).map((mount) => mount.propagation)).toEqual(['private', 'rslave', 'rshared']);
  });

  it('makes a source that is missing, as an empty directory', async () => {
    const hostPath = join(directory, 'missing/source');
    expect(await mounts([{ containerPath: '/v', hostPath }])).toMatchObject([{ source: hostPath }]);
    const made = await stat(hostPath);
    expect([made.isDirectory(), made.mode & 0o777]).toEqual([true, 0o755]);
  });

  it('takes a file or a device for a source', async () => {
    await writeFile(join(directory, 'file'), '');
    expect(await mounts([{ containerPath: '/v', hostPath: join(directory, 'file') }])).toMatchObject([{ source: join(directory, 'file') }]);
    expect(await mounts([{ containerPath: '/v', hostPath: '/dev/null' }])).toMatchObject([{ source: '/dev/null' }]);
  });

  it('names a source that can be made in no way', async () => {
    await writeFile(join(directory, 'plain'), '');
    await symlink('nowhere', join(directory, 'dangling'));
    for (const name of ['plain/below', 'dangling']) {
      const hostPath = join(directory, name);
      await expect(mounts([{ containerPath: '/v', hostPath }])).rejects.toThrow(
        `container c: the mount source ${hostPath} of /v can't be made`,
      );
    }
  });

  it('refuses a place that is not absolute', async () => {
    await expect(mounts([{ containerPath: 'v', hostPath: directory }])).rejects.toThrow(/"v" is not absolute/);
  });

  it('passes on recursive read-only, and refuses it where a mount could still be written to', async () => {
    const asked = { containerPath: '/v', hostPath: directory, readonly: true, recursiveReadOnly: true };
    expect(await mounts([asked])).toMatchObject([{ readonly: true, recursiveReadonly: true }]);
    await expect(mounts([{ ...asked, readonly: false }])).rejects.toThrow(/\/v is recursive_read_only/);
    await expect(mounts([{ ...asked, propagation: MountPropagation.PROPAGATION_HOST_TO_CONTAINER }])).rejects.toThrow(
      /private propagation/,
    );
  });
});
