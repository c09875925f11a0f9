import { randomBytes } from 'node:crypto';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Container } from '@berth/api/objects';
import { Mount } from '@berth/sdk/cri';
import type { ActionContext } from './action-context.ts';

/** Makes the file that the next instance of a container may write its last words to, whatever user it runs as; empty where it has no path for it. */
export async function terminationLogMount(
  { pod, directories }: Pick<ActionContext, 'pod' | 'directories'>,
  { name, terminationMessagePath: containerPath }: Container,
): Promise<Mount[]> {
  if (!containerPath) return [];
  const directory = directories.containerDirectory(pod, name);
  await mkdir(directory, { recursive: true, mode: 0o750 });
  const hostPath = join(directory, randomBytes(4).toString('hex'));
  await writeFile(hostPath, '', { flag: 'wx' });
  // The mode of the making is cut by the umask.
  await chmod(hostPath, 0o666);
  return [Mount.create({ hostPath, containerPath, selinuxRelabel: true })];
}
