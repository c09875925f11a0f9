import { lstat, opendir } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import type { ContainerSpec } from '../runtime.ts';
import { syscalls } from '../syscalls.ts';

const attribute = 'security.selinux';

/** Folders that programs of the host live by: with a container's label they could not read them any more. */
const ofSystem = new Set(
  '/ /bin /boot /dev /etc /home /lib /lib64 /media /mnt /opt /proc /root /run /sbin /srv /sys /tmp /usr /var /var/lib /var/log'.split(' '),
);

/** What of a container's mounts is to have its label: the pod's files, and what the request says (CRI Mount.selinux_relabel). */
export function toBeRelabelled({ config, mounts, sandbox }: ContainerSpec): string[] {
  const asked = new Set(config.mounts.filter((mount) => mount.selinuxRelabel).map(({ containerPath }) => posix.normalize(containerPath)));
  const ofPod = new Set(Object.values(sandbox.files));
  return mounts.filter(({ source, destination }) => asked.has(destination) || ofPod.has(source)).map(({ source }) => source);
}

/** Puts an SELinux label on each of `sources` with all that is below, where its file system keeps labels. INVALID_ARGUMENT for a folder of the system. */
export async function relabel(sources: string[], label: string, object: string, signal: AbortSignal): Promise<void> {
  for (const source of sources) {
    if (ofSystem.has(source)) {
      throw new PluginError('INVALID_ARGUMENT', `mounts[].selinux_relabel: ${source} is the system's, and is not relabelled`, {
        object,
        hint: 'mount a folder below it',
      });
    }
    await relabelTree(source, Buffer.from(`${label}\0`), signal);
  }
}

async function relabelTree(source: string, label: Buffer, signal: AbortSignal): Promise<void> {
  const left = [source];
  for (let path = left.pop(); path !== undefined; path = left.pop()) {
    signal.throwIfAborted();
    const status = await lstat(path).catch(() => undefined);
    if (!status) continue;
    if (!setLabel(path, label)) return;
    if (status.isDirectory()) for await (const { name } of await opendir(path)) left.push(join(path, name));
  }
}

/** False where the file system keeps no labels. */
function setLabel(path: string, label: Buffer): boolean {
  try {
    syscalls().setAttribute(path, attribute, label);
    return true;
  } catch (error) {
    if (/EOPNOTSUPP|ENOTSUP/.test((error as Error).message)) return false;
    throw error;
  }
}
