import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';

const hint =
  'install busybox-static (Debian, Ubuntu; Alpine: busybox-static), name a static busybox by --busybox, or map the images to your own by --images';

/**
 * The static busybox that the test images are made of: the one given, or the first on PATH. A dynamically linked one is
 * passed over, since an image has no libraries for it.
 */
export async function findBusybox(given?: string): Promise<string> {
  if (given !== undefined) return given;
  for (const directory of (process.env.PATH ?? '').split(delimiter).filter(Boolean)) {
    const path = join(directory, 'busybox');
    if ((await isExecutable(path)) && isStatic(await readFile(path))) return path;
  }
  throw new PluginError('FAILED_PRECONDITION', 'no static busybox is on PATH, and the images of the cases are made of one', { hint });
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

const programInterpreter = 3;

/** An ELF file without a program interpreter (elf(5), PT_INTERP). 64-bit, little-endian: what Node 24 runs on. */
export function isStatic(file: Buffer): boolean {
  if (file.length < 64 || file.toString('latin1', 0, 4) !== '\x7fELF' || file[4] !== 2 || file[5] !== 1) return false;
  const [offset, size, count] = [Number(file.readBigUInt64LE(32)), file.readUInt16LE(54), file.readUInt16LE(56)];
  for (let index = 0; index < count; index++) {
    const header = offset + index * size;
    if (header + 4 > file.length || file.readUInt32LE(header) === programInterpreter) return false;
  }
  return true;
}
