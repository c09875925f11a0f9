import { mkdir, stat } from 'node:fs/promises';
import { release } from 'node:os';
import { dirname } from 'node:path';
import { mount } from '@berth/sdk/mount';

/** Whether this process may mount at all; without root, volumes that should be in memory only are on disk. */
export const mayMount = process.platform === 'linux' && process.getuid?.() === 0;

/** Whether something is mounted at a directory. */
export async function isMountPoint(path: string): Promise<boolean> {
  const [own, parent] = await Promise.all([stat(path), stat(dirname(path))]);
  return own.dev !== parent.dev;
}

/** Makes a directory that lives in memory only, of at most `bytes`, unless it is one already. It counts to who writes into it. */
export async function mountMemory(path: string, bytes: bigint | undefined): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o750 });
  if (await isMountPoint(path)) return;
  const size = bytes === undefined ? [] : [`size=${bytes}`];
  const data = ['mode=0777', ...size, ...(knowsNoSwap() ? ['noswap'] : [])].join(',');
  mount('tmpfs', path, { type: 'tmpfs', data });
}

/** Makes a directory of huge pages of a size as mount(8) writes it: `2M`. */
export async function mountHugePages(path: string, pageSize: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o750 });
  if (await isMountPoint(path)) return;
  mount('hugetlbfs', path, { type: 'hugetlbfs', data: `mode=0777,pagesize=${pageSize}` });
}

/** Since Linux 6.4 a tmpfs can be kept out of swap, where a secret would outlive it. */
function knowsNoSwap(): boolean {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  return major > 6 || (major === 6 && minor >= 4);
}
