import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Whether the machine was started anew since the kubelet in this directory ran last; remembers it for the next time. */
export async function isRebooted(kubeletRoot: string, bootId: string): Promise<boolean> {
  const path = join(kubeletRoot, 'boot_id');
  const before = await readFile(path, 'utf8').catch(() => '');
  if (bootId === '' || before === bootId) return false;
  await mkdir(kubeletRoot, { recursive: true });
  await writeFile(path, bootId);
  return before !== '';
}
