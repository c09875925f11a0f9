import { readFile } from 'node:fs/promises';
import { release } from 'node:os';
import { PluginError } from '@berth/sdk/errors';

/** SECCOMP_ADDFD_FLAG_SEND, by which a descriptor is the result of a call. */
const oldestKernel: [number, number] = [5, 14];

/** Throws what of the host keeps a Sentry from working. */
export async function checkHost(): Promise<void> {
  const object = 'runtime sentry';
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new PluginError(
      'UNIMPLEMENTED',
      `it knows the system calls of Linux on amd64, and this is ${process.platform} on ${process.arch}`,
      {
        object,
        hint: 'use another runtime here',
      },
    );
  }
  const [major = 0, minor = 0] = release()
    .split('.')
    .map((part) => Number.parseInt(part, 10));
  const actions = await readFile('/proc/sys/kernel/seccomp/actions_avail', 'utf8').catch(() => '');
  const isOld = major < oldestKernel[0] || (major === oldestKernel[0] && minor < oldestKernel[1]);
  if (!isOld && actions.includes('user_notif')) return;
  throw new PluginError(
    'FAILED_PRECONDITION',
    `it needs Linux ${oldestKernel.join('.')} with seccomp's user notification, and this is ${release()}`,
    {
      object,
      hint: 'upgrade the kernel, or use another runtime',
    },
  );
}
