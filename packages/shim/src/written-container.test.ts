import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ContainerConfig, NamespaceMode, PodSandboxConfig } from '@berth/sdk/cri';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ContainerRecord, encodeContainerConfig } from './container/container.ts';
import { ShimDirectories } from './directories.ts';
import { ObjectFiles } from './object-files.ts';
import { encodeConfig, type SandboxRecord } from './sandbox/sandbox.ts';
import { findWrittenContainer } from './written-container.ts';

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'berth-written-'));
});

afterEach(() => rm(root, { recursive: true }));

interface Written {
  handler?: string;
  namespace?: string;
  pod: string;
  name: string;
  id: string;
  createdAt?: number;
  rootfs?: ContainerRecord['rootfs'];
  phase?: ContainerRecord['phase'];
  idsFrom?: number;
}

/** The records of a container, and of a sandbox for it alone. */
async function write({ handler = 'runc', namespace = 'default', pod, name, id, createdAt = 1, phase = 'exited', ...rest }: Written) {
  const directories = new ShimDirectories(root, '', handler);
  const ids = (hostId: number) => [{ hostId, containerId: 0, length: 65_536 }];
  const usernsOptions =
    rest.idsFrom === undefined ? undefined : { mode: NamespaceMode.POD, uids: ids(rest.idsFrom), gids: ids(rest.idsFrom) };
  const sandbox = PodSandboxConfig.fromPartial({
    metadata: { name: pod, namespace },
    linux: { securityContext: { namespaceOptions: { usernsOptions } } },
  });
  await new ObjectFiles<Partial<SandboxRecord>>(directories.sandboxes, 'sandbox').create(`sandbox-${id}`, {
    config: encodeConfig(sandbox),
  });
  const upper = join(directories.containers, id, 'upper');
  const record: Partial<ContainerRecord> = {
    sandboxId: `sandbox-${id}`,
    config: encodeContainerConfig(ContainerConfig.fromPartial({ metadata: { name } })),
    imageId: 'sha256:1',
    mounts: [],
    phase,
    createdAt,
    rootfs: 'rootfs' in rest ? rest.rootfs : { lowers: [], upper, work: '', mounted: undefined },
  };
  await new ObjectFiles<Partial<ContainerRecord>>(directories.containers, 'container').create(id, record);
  return upper;
}

describe('findWrittenContainer', () => {
  const upperOf = async (reference: string, namespace = 'default') =>
    (await findWrittenContainer(root, reference, namespace)).layer.directory;

  it('finds a container of any handler by its pod and name, by its pod alone, or by the start of its id', async () => {
    const main = await write({ pod: 'web', name: 'main', id: 'aa11' });
    const other = await write({ handler: 'vm', namespace: 'other', pod: 'web', name: 'main', id: 'aa22' });
    expect(await upperOf('web/main')).toBe(main);
    expect(await upperOf('web')).toBe(main);
    expect(await upperOf('web', 'other')).toBe(other);
    expect(await upperOf('other/web/main')).toBe(other);
    expect(await upperOf('aa2')).toBe(other);
  });

  it('takes the last container of a name that was started again, and none that is just being made', async () => {
    await write({ pod: 'web', name: 'main', id: 'aa11', createdAt: 1 });
    const last = await write({ pod: 'web', name: 'main', id: 'aa22', createdAt: 2 });
    await write({ pod: 'web', name: 'main', id: 'aa33', createdAt: 3, phase: 'creating' });
    expect(await upperOf('web/main')).toBe(last);
  });

  it('refuses what may be several, none, or without layers on this host', async () => {
    await write({ pod: 'web', name: 'main', id: 'aa11' });
    await write({ pod: 'web', name: 'side', id: 'aa22' });
    await write({ handler: 'fake', pod: 'fake', name: 'main', id: 'bb11', rootfs: undefined });
    await expect(upperOf('web')).rejects.toThrow('container web: it may be default/web/');
    await expect(upperOf('aa')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(upperOf('web/none')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(upperOf('fake')).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringContaining('runtime fake gives its containers no layers on this host to write to'),
    });
  });

  it("gives owners back as the pod's user namespace sees them", async () => {
    await write({ pod: 'web', name: 'main', id: 'aa11', idsFrom: 100_000 });
    const { layer } = await findWrittenContainer(root, 'web', 'default');
    expect(layer.ownerInside({ uid: 100_000, gid: 101_000 })).toEqual({ uid: 0, gid: 1000 });
    expect(layer.ownerInside({ uid: 0, gid: 165_536 })).toEqual({ uid: 65_534, gid: 65_534 });
  });
});
