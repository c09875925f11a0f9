import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expectEqual, expectMatch, expectTrue, present } from '../../expect.ts';
import { expectRefused, unlessRefused } from '../../refusals.ts';
import { type Case, SkipCase } from '../../suite.ts';
import { sinceRelease } from '../expect.ts';
import type { Mount } from '../messages.ts';
import { devices, image, imageContents, mounts, privileged, propagation, sameHost } from '../needs.ts';
import { type CriTarget, podNamespaces } from '../target.ts';

const execute = promisify(execFile);
const messageDevice = '/dev/kmsg';

/** Runs `work` with a directory of this host's own. */
async function withDirectory<Result>(work: (directory: string) => Promise<Result>): Promise<Result> {
  const directory = mkdtempSync(join(tmpdir(), 'berth-volume-'));
  try {
    return await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The same, where the directory is a shared mount: mounts made below it are taken away afterwards. */
async function withSharedMount<Result>(work: (directory: string) => Promise<Result>): Promise<Result> {
  return withDirectory(async (directory) => {
    await execute('mount', ['--bind', directory, directory]);
    try {
      await execute('mount', ['--make-shared', directory]);
      return await work(directory);
    } finally {
      await execute('umount', ['--recursive', directory]);
    }
  });
}

async function mountTmpfs(directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true });
  await execute('mount', ['-t', 'tmpfs', 'conformance', directory]);
}

/** What a container sees of a mount made on the host while it runs. */
async function seesLaterMount(target: CriTarget, how: Mount['propagation']): Promise<boolean> {
  return withSharedMount(async (directory) => {
    const mount = { containerPath: '/volume', hostPath: directory, propagation: how };
    return target.withContainer({ mounts: [mount as Mount] }, async (container) => {
      await container.start();
      await mountTmpfs(join(directory, 'later'));
      writeFileSync(join(directory, 'later/file'), 'x');
      return (await container.script('test -e /volume/later/file && echo seen || echo hidden')) === 'seen';
    });
  });
}

/** Directories, devices and images put into a container's file tree. */
export const mountCases: Case<CriTarget>[] = [
  {
    id: 'mount.file',
    group: 'mount',
    clause: 'a single file can be mounted over one of the image (cri.proto, Mount.host_path)',
    proves: ['Mount.host_path', 'Mount.container_path'],
    needs: [mounts],
    async run(target, signal) {
      await withDirectory(async (directory) => {
        const hostPath = join(directory, 'group');
        writeFileSync(hostPath, 'from the host\n');
        const output = await target.script('cat /etc/group', signal, { mounts: [{ containerPath: '/etc/group', hostPath }] });
        expectEqual(output, 'from the host', 'content of the file');
      });
    },
  },
  {
    id: 'mount.symbolic-link',
    group: 'mount',
    clause: 'symbolic links of the source are followed on the host (cri.proto, Mount.host_path)',
    proves: ['Mount.host_path'],
    needs: [mounts],
    async run(target, signal) {
      await withDirectory(async (directory) => {
        mkdirSync(join(directory, 'real'));
        writeFileSync(join(directory, 'real/file'), 'through the link\n');
        symlinkSync(join(directory, 'real'), join(directory, 'link'));
        const output = await target.script('cat /volume/file', signal, {
          mounts: [{ containerPath: '/volume', hostPath: join(directory, 'link') }],
        });
        expectEqual(output, 'through the link', 'content of the file');
      });
    },
  },
  {
    id: 'mount.missing-source',
    group: 'mount',
    clause: 'a source that is not there is an error, or is made as an empty directory, never a hang (cri.proto, Mount.host_path)',
    proves: ['Mount.host_path'],
    needs: [mounts],
    async run(target) {
      await withDirectory(async (directory) => {
        const hostPath = join(directory, 'missing/source');
        const change = { mounts: [{ containerPath: '/volume', hostPath }] };
        const started = await unlessRefused(target.withContainer(change, (container) => container.start().then(() => true)));
        expectEqual(started ?? false, existsSync(hostPath), 'whether it started, and whether the source was made');
      });
    },
  },
  {
    id: 'mount.nested',
    group: 'mount',
    clause: 'one mount may lie inside another before it (cri.proto, ContainerConfig.mounts)',
    proves: ['ContainerConfig.mounts'],
    needs: [mounts],
    async run(target, signal) {
      await withDirectory(async (directory) => {
        for (const name of ['outer', 'outer/inside', 'inner']) mkdirSync(join(directory, name));
        writeFileSync(join(directory, 'outer/a'), 'outer\n');
        writeFileSync(join(directory, 'inner/b'), 'inner\n');
        const list = [
          { containerPath: '/volume', hostPath: join(directory, 'outer') },
          { containerPath: '/volume/inside', hostPath: join(directory, 'inner') },
        ];
        expectEqual(await target.script('cat /volume/a /volume/inside/b', signal, { mounts: list }), 'outer\ninner', 'content of both');
      });
    },
  },
  {
    id: 'mount.target-made',
    group: 'mount',
    clause: 'the place in the container is made if it is not there (cri.proto, Mount.container_path)',
    proves: ['Mount.container_path'],
    needs: [mounts],
    async run(target, signal) {
      await withDirectory(async (hostPath) => {
        const list = [{ containerPath: '/not/in/the/image', hostPath }];
        expectEqual(await target.script('test -d /not/in/the/image && echo made', signal, { mounts: list }), 'made', 'the directory');
      });
    },
  },
  {
    id: 'mount.shared-between-containers',
    group: 'mount',
    clause: 'what one container writes to a directory of the host, another reads (cri.proto, Mount)',
    proves: ['ContainerConfig.mounts'],
    needs: [mounts],
    async run(target, signal) {
      await withDirectory(async (hostPath) => {
        const list = [{ containerPath: '/volume', hostPath }];
        await target.script('echo "from the first" > /volume/file', signal, { mounts: list });
        expectEqual(await target.script('cat /volume/file', signal, { mounts: list }), 'from the first', 'content');
        expectEqual(readFileSync(join(hostPath, 'file'), 'utf8'), 'from the first\n', 'content on the host');
      });
    },
  },
  {
    id: 'mount.status',
    group: 'mount',
    clause: 'ContainerStatus lists the mounts that were asked for (cri.proto, ContainerStatus.mounts)',
    proves: ['ContainerStatus.mounts'],
    needs: [mounts],
    async run(target) {
      await withDirectory(async (hostPath) => {
        await target.withContainer({ mounts: [{ containerPath: '/volume', hostPath, readonly: true }] }, async (container) => {
          const mount = present(
            (await container.status()).mounts.find(({ containerPath }) => containerPath === '/volume'),
            'the mount',
          );
          expectEqual(mount.hostPath, hostPath, 'host_path');
          expectEqual(mount.readonly, true, 'readonly');
        });
      });
    },
  },
  {
    id: 'mount.propagation-private',
    group: 'mount',
    clause: 'PROPAGATION_PRIVATE: mounts made later on the host are not seen (cri.proto, MountPropagation)',
    proves: ['Mount.propagation', 'MountPropagation.PROPAGATION_PRIVATE'],
    needs: [mounts, propagation],
    async run(target) {
      expectEqual(await seesLaterMount(target, 'PROPAGATION_PRIVATE'), false, 'whether it is seen');
    },
  },
  {
    id: 'mount.propagation-host-to-container',
    group: 'mount',
    clause: 'PROPAGATION_HOST_TO_CONTAINER: mounts made later on the host are seen (cri.proto, MountPropagation)',
    proves: ['Mount.propagation', 'MountPropagation.PROPAGATION_HOST_TO_CONTAINER'],
    needs: [mounts, propagation],
    async run(target) {
      expectEqual(await seesLaterMount(target, 'PROPAGATION_HOST_TO_CONTAINER'), true, 'whether it is seen');
    },
  },
  {
    id: 'mount.propagation-bidirectional',
    group: 'mount',
    clause: 'PROPAGATION_BIDIRECTIONAL: mounts that a privileged container makes are seen on the host (cri.proto, MountPropagation)',
    proves: ['Mount.propagation', 'MountPropagation.PROPAGATION_BIDIRECTIONAL'],
    needs: [mounts, privileged, propagation],
    async run(target) {
      await withSharedMount(async (hostPath) => {
        const securityContext = { privileged: true, namespaceOptions: podNamespaces };
        await target.withPod({ linux: { securityContext } }, async (pod) => {
          const container = await pod.start({
            mounts: [{ containerPath: '/volume', hostPath, propagation: 'PROPAGATION_BIDIRECTIONAL' }],
            linux: { securityContext: { privileged: true } },
          });
          await container.script('mkdir /volume/made && mount -t tmpfs conformance /volume/made && echo x > /volume/made/file');
          expectTrue(existsSync(join(hostPath, 'made/file')), 'the host does not see the mount');
        });
      });
    },
  },
  {
    id: 'mount.propagation-impossible',
    group: 'mount',
    clause:
      'a propagation that nothing can come through, since the source is private on the host, is refused (cri.proto, Mount.propagation)',
    proves: ['Mount.propagation'],
    needs: [mounts, privileged, propagation],
    async run(target) {
      await withSharedMount(async (hostPath) => {
        await execute('mount', ['--make-private', hostPath]);
        const securityContext = { privileged: true, namespaceOptions: podNamespaces };
        const mount: Mount = { containerPath: '/volume', hostPath, propagation: 'PROPAGATION_BIDIRECTIONAL' };
        await target.withPod({ linux: { securityContext } }, async (pod) => {
          await expectRefused(pod.start({ mounts: [mount], linux: { securityContext: { privileged: true } } }), 'a private source');
        });
      });
    },
  },
  {
    id: 'mount.readonly-submount',
    group: 'mount',
    clause:
      'recursive_read_only makes submounts read-only too, where the handler has the feature, else it is refused (cri.proto, Mount.recursive_read_only)',
    proves: ['Mount.recursive_read_only', 'RuntimeHandlerFeatures.recursive_read_only_mounts'],
    needs: [mounts, propagation],
    async run(target) {
      sinceRelease(target, '0.30', 'recursive_read_only');
      const { runtimeHandlers } = await target.client.Status({});
      const handler = runtimeHandlers.find(({ name }) => name === (target.options.handler ?? ''));
      await withSharedMount(async (hostPath) => {
        await mountTmpfs(join(hostPath, 'below'));
        const mount: Mount = { containerPath: '/volume', hostPath, readonly: true, recursiveReadOnly: true };
        const write = target.withContainer({ mounts: [mount] }, async (container) => {
          await container.start();
          return container.script('touch /volume/below/file 2>&1 && echo written || echo refused');
        });
        if (handler?.features?.recursiveReadOnlyMounts) expectMatch(await write, /Read-only[\s\S]*refused/, 'writing below');
        else await expectRefused(write, 'recursive_read_only without the feature');
      });
    },
  },
  {
    id: 'mount.readonly-submount-rules',
    group: 'mount',
    clause: 'recursive_read_only needs readonly and PROPAGATION_PRIVATE (cri.proto, Mount.recursive_read_only)',
    proves: ['Mount.recursive_read_only'],
    needs: [mounts],
    async run(target) {
      sinceRelease(target, '0.30', 'recursive_read_only');
      await withDirectory(async (hostPath) => {
        for (const wrong of [{ readonly: false }, { readonly: true, propagation: 'PROPAGATION_HOST_TO_CONTAINER' as const }]) {
          const mount = { containerPath: '/volume', hostPath, recursiveReadOnly: true, ...wrong };
          await expectRefused(
            target.withContainer({ mounts: [mount] }, (container) => container.start()),
            JSON.stringify(wrong),
          );
        }
      });
    },
  },
  {
    id: 'mount.image',
    group: 'mount',
    clause: 'the content of an image is mounted read-only in place of a host_path (cri.proto, Mount.image)',
    proves: ['Mount.image'],
    needs: [mounts, imageContents, image('layered')],
    async run(target, signal) {
      sinceRelease(target, '0.31', 'Mount.image');
      const volume = { containerPath: '/volume', image: { image: await target.image('layered') }, readonly: true };
      const script = 'cat /volume/layers/kept; touch /volume/file 2>&1 || true';
      expectMatch(await target.script(script, signal, { mounts: [volume] }), /^old\n[\s\S]*Read-only/, 'reading and writing');
    },
  },
  {
    id: 'mount.image-sub-path',
    group: 'mount',
    clause: 'image_sub_path mounts only that path, and one that the image lacks is an error (cri.proto, Mount.image_sub_path)',
    proves: ['Mount.image_sub_path'],
    needs: [mounts, imageContents, image('layered')],
    async run(target, signal) {
      sinceRelease(target, '0.33', 'Mount.image_sub_path');
      const layered = { image: await target.image('layered') };
      const volume = (imageSubPath: string) => [{ containerPath: '/volume', image: layered, imageSubPath, readonly: true }];
      expectEqual(await target.script('cat /volume/kept', signal, { mounts: volume('layers') }), 'old', 'content below the path');
      await expectRefused(
        target.withContainer({ mounts: volume('no/such/path') }, (container) => container.start()),
        'a path that is not there',
      );
    },
  },
  {
    id: 'mount.device',
    group: 'mount',
    clause: 'a device of the host is there, under the name that is asked for (cri.proto, Device)',
    proves: ['ContainerConfig.devices', 'Device.container_path', 'Device.host_path'],
    needs: [devices],
    async run(target, signal) {
      const device = { containerPath: '/dev/own-zero', hostPath: '/dev/zero', permissions: 'rw' };
      const output = await target.script('test -c /dev/own-zero && head -c 3 /dev/own-zero | wc -c', signal, { devices: [device] });
      expectEqual(output, '3', 'bytes read');
    },
  },
  {
    id: 'mount.device-permissions',
    group: 'mount',
    clause: 'of reading and writing a device only what permissions say is allowed (cri.proto, Device.permissions)',
    proves: ['Device.permissions'],
    needs: [devices, sameHost],
    async run(target, signal) {
      // Of those that every container may use, none can show it; this one is on every Linux, and to open it does nothing.
      if (!existsSync(messageDevice)) throw new SkipCase(`this host has no ${messageDevice}`);
      const opened = async (permissions: string): Promise<string> => {
        const device = { containerPath: '/dev/own-messages', hostPath: messageDevice, permissions };
        return target.script('(: >> /dev/own-messages) 2>&1 && echo opened || true', signal, { devices: [device] });
      };
      expectEqual(await opened('rw'), 'opened', 'opening it to write, with rw');
      expectMatch(await opened('r'), /not permitted/, 'opening it to write, with r');
    },
  },
  {
    id: 'mount.missing-device',
    group: 'mount',
    clause: 'a device that the host lacks is an error (cri.proto, Device.host_path)',
    proves: ['Device.host_path'],
    needs: [devices],
    async run(target) {
      const device = { containerPath: '/dev/missing', hostPath: '/dev/no-such-device', permissions: 'rwm' };
      await expectRefused(
        target.withContainer({ devices: [device] }, (container) => container.start()),
        'a device that is not there',
      );
    },
  },
  {
    id: 'mount.unknown-cdi-device',
    group: 'mount',
    clause: 'a CDI device that no spec on the node names is an error (cri.proto, ContainerConfig.CDI_devices)',
    proves: ['ContainerConfig.CDI_devices', 'CDIDevice.name'],
    async run(target) {
      sinceRelease(target, '0.27', 'CDI_devices');
      const change = { CDIDevices: [{ name: 'example.com/conformance=missing' }] };
      await expectRefused(
        target.withContainer(change, (container) => container.start()),
        'an unknown CDI device',
      );
    },
  },
];
