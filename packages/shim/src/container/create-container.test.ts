import { existsSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ContainerState, MountPropagation, NamespaceMode, type NamespaceOption } from '@berth/sdk/cri';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { image, TestShim } from '../../testing/test-shim.ts';

let shim: TestShim;
let podSandboxId: string;

beforeEach(async () => {
  shim = await TestShim.start({ features: { refused: [{ field: 'linux.security_context.privileged', reason: 'there is no host' }] } });
  podSandboxId = await shim.runPod({ logDirectory: join(shim.directory, 'logs') });
});

afterEach(async () => {
  expect(shim.host.violations).toEqual([]);
  await shim.close();
});

/** Folders and holds besides those of the sandbox. */
function leftovers(): string[] {
  return shim.leftovers().filter((name) => name !== podSandboxId);
}

function container(namespaceOptions: Parameters<typeof NamespaceOption.fromPartial>[0]) {
  return { linux: { securityContext: { namespaceOptions } } };
}

describe('CreateContainer', () => {
  it('gives the runtime a container that only has to be let go', async () => {
    await mkdir(join(shim.directory, 'volume'));
    await symlink('volume', join(shim.directory, 'link'));
    const id = await shim.createContainer(podSandboxId, {
      command: ['printenv'],
      args: ['GREETING'],
      envs: [{ key: 'GREETING', value: Buffer.from('grüß dich') }],
      workingDir: '/tmp',
      logPath: 'main/0.log',
      linux: { securityContext: { runAsUser: { value: 1000n }, runAsGroup: { value: 2000n }, supplementalGroups: [3000n] } },
      mounts: [
        { containerPath: '/v', hostPath: join(shim.directory, 'link'), readonly: true, propagation: MountPropagation.PROPAGATION_PRIVATE },
      ],
    });
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    const spec = shim.host.containers.get(id)?.spec;
    expect(spec?.process).toMatchObject({
      args: ['printenv', 'GREETING'],
      cwd: '/tmp',
      user: { uid: 1000, gid: 2000, additionalGids: [2000, 3000] },
    });
    expect(spec?.process.env).toContain('GREETING=grüß dich');
    expect(spec?.logPath).toBe(join(shim.directory, 'logs/main/0.log'));
    expect(spec?.mounts.find(({ destination }) => destination === '/v')?.source).toBe(join(shim.directory, 'volume'));
    expect(spec?.mounts.map(({ destination }) => destination)).toEqual(
      expect.arrayContaining(['/etc/hosts', '/etc/resolv.conf', '/etc/hostname']),
    );
    expect((await shim.containerStatus(id)).state).toBe(ContainerState.CONTAINER_CREATED);
  });

  it('refuses a second container of the same name and attempt, and takes the next attempt', async () => {
    const id = await shim.createContainer(podSandboxId);
    await expect(shim.createContainer(podSandboxId)).rejects.toThrow(new RegExp(`container ${id} has this name`));
    await shim.createContainer(podSandboxId, { metadata: { name: 'main', attempt: 1 } });
  });

  it.each([
    ['an unknown sandbox', (): string => 'f'.repeat(64)],
    ['a sandbox id that is a path', (): string => '../sandboxes'],
  ])('is NOT_FOUND in %s', async (_what, id) => {
    await expect(shim.createContainer(id())).rejects.toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
  });

  it.each([
    ['an image that is not there', { image: { image: 'docker.io/library/absent:1' } }, 'NOT_FOUND', /absent:1.*pull it/],
    ['no image', { image: { image: '' } }, 'INVALID_ARGUMENT', /image is required/],
    ['no name', { metadata: { name: '' } }, 'INVALID_ARGUMENT', /name is required/],
    [
      'a mount source that can be made in no way',
      { mounts: [{ containerPath: '/v', hostPath: '/dev/null/a' }] },
      'FAILED_PRECONDITION',
      /\/dev\/null\/a/,
    ],
    ['a mount without a source', { mounts: [{ containerPath: '/v', hostPath: '' }] }, 'INVALID_ARGUMENT', /is not absolute/],
    ['a mount over the root', { mounts: [{ containerPath: '/.', hostPath: '/tmp' }] }, 'INVALID_ARGUMENT', /is the root/],
    [
      'a path in an image without one',
      { mounts: [{ containerPath: '/v', hostPath: '/tmp', imageSubPath: 'a' }] },
      'INVALID_ARGUMENT',
      /\/v has an image_sub_path and no image/,
    ],
    [
      'a variable that Linux would not take',
      { envs: [{ key: 'LONG', value: Buffer.alloc(131_072, 'x') }] },
      'INVALID_ARGUMENT',
      /container main: the variable "LONG" has 131077 bytes/,
    ],
    ['an image volume', { mounts: [{ containerPath: '/v', image: { image } }] }, 'INVALID_ARGUMENT', /image volumes/],
    ['a CDI device', { CDIDevices: [{ name: 'vendor.com/gpu=0' }] }, 'INVALID_ARGUMENT', /CDI_devices/],
    [
      'a CDI device by annotation',
      { annotations: { 'cdi.k8s.io/gpu': 'vendor.com/gpu=0' } },
      'INVALID_ARGUMENT',
      /annotations: CDI devices are not/,
    ],
    ['a log that leaves its directory', { logPath: '../../x' }, 'INVALID_ARGUMENT', /leaves the log directory/],
    ['a group without a user', { linux: { securityContext: { runAsGroup: { value: 1n } } } }, 'INVALID_ARGUMENT', /run_as_group without/],
    ['a user that no image knows', { linux: { securityContext: { runAsUsername: 'ghost' } } }, 'INVALID_ARGUMENT', /"ghost"/],
    ['what only Windows has', { windows: {} }, 'INVALID_ARGUMENT', /windows: it is a container of Linux/],
    ['a working directory that is not absolute', { workingDir: 'tmp' }, 'INVALID_ARGUMENT', /working_dir "tmp" is not absolute/],
    ['a variable without a name', { envs: [{ key: '', value: Buffer.from('x') }] }, 'INVALID_ARGUMENT', /envs: "" is no name/],
    ['a variable with = in its name', { envs: [{ key: 'a=b', value: Buffer.from('x') }] }, 'INVALID_ARGUMENT', /envs: "a=b" is no name/],
    [
      'a propagation that is none',
      { mounts: [{ containerPath: '/v', hostPath: '/tmp', propagation: 7 as MountPropagation }] },
      'INVALID_ARGUMENT',
      /propagation 7/,
    ],
    ["the host's network in a pod of its own", container({ network: NamespaceMode.NODE }), 'INVALID_ARGUMENT', /network is NODE/],
    ["the host's processes in a pod of its own", container({ pid: NamespaceMode.NODE }), 'INVALID_ARGUMENT', /pid is NODE/],
    ["the host's IPC in a pod of its own", container({ ipc: NamespaceMode.NODE }), 'INVALID_ARGUMENT', /ipc is NODE/],
    ['a network of its own', container({ network: NamespaceMode.CONTAINER }), 'INVALID_ARGUMENT', /network can't have the mode CONTAINER/],
    ['what the runtime refuses', { linux: { securityContext: { privileged: true } } }, 'INVALID_ARGUMENT', /there is no host/],
  ])('refuses %s, and leaves nothing', async (_what, config, code, message) => {
    await expect(shim.createContainer(podSandboxId, config)).rejects.toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
    expect(leftovers()).toEqual([]);
  });

  it.each(['throws', 'hangs'] as const)('leaves nothing when createContainer %s, and the name is free again', async (fault) => {
    shim.host.faults.set('createContainer', fault);
    await expect(shim.createContainer(podSandboxId, {}, { deadlineMs: 300 })).rejects.toThrow(
      fault === 'throws' ? /createContainer is broken/ : /no answer within 300 ms/,
    );
    shim.host.faults.clear();
    await expect.poll(leftovers).toEqual([]);
    await shim.createContainer(podSandboxId);
  });

  it('lists what could not be undone as ended, and lets the client remove it', async () => {
    shim.host.faults.set('createContainer', 'throws').set('removeContainer', 'throws');
    await expect(shim.createContainer(podSandboxId)).rejects.toThrow(/createContainer is broken/);
    shim.host.faults.clear();
    const { containers } = await shim.runtime.listContainers({ filter: undefined });
    expect(containers.map(({ state }) => state)).toEqual([ContainerState.CONTAINER_EXITED]);
    await shim.runtime.removeContainer({ containerId: containers[0]?.id ?? '' });
    expect(leftovers()).toEqual([]);
  });

  it('holds its image until it is removed', async () => {
    const containerId = await shim.createContainer(podSandboxId);
    const request = { image: { image, annotations: {}, userSpecifiedImage: '', runtimeHandler: '', imageRef: '' } };
    await expect(shim.images.removeImage(request)).rejects.toThrow(new RegExp(`container ${containerId} uses it`));
    await shim.runtime.removeContainer({ containerId });
    await shim.images.removeImage(request);
  });

  it.each([
    [
      'directory is a file',
      'main/0.log',
      () => writeFile(join(shim.directory, 'logs'), 'no directory'),
      /logs\/main, which isn't a directory/,
    ],
    [
      'path is a directory',
      '0.log',
      () => mkdir(join(shim.directory, 'logs', '0.log'), { recursive: true }),
      /0\.log, which is a directory/,
    ],
  ])('refuses a log whose %s, by its path, and leaves nothing', async (_what, logPath, make, message) => {
    await make();
    const refusal = expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) });
    await expect(shim.createContainer(podSandboxId, { logPath })).rejects.toThrow(refusal);
    expect(leftovers()).toEqual([]);
    expect(existsSync(join(shim.root, 'images', 'users'))).toBe(true);
  });
});
