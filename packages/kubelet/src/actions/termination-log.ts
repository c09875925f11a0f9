import { randomBytes } from 'node:crypto';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Makes the file that the next instance of a container may write its last words to, whatever user it runs as, and gives its path. */
export async function makeTerminationLog(containerDirectory: string): Promise<string> {
  await mkdir(containerDirectory, { recursive: true, mode: 0o750 });
  const path = join(containerDirectory, randomBytes(4).toString('hex'));
  await writeFile(path, '', { flag: 'wx' });
  // The mode of the making is cut by the umask.
  await chmod(path, 0o666);
  return path;
}
