import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { PluginError } from '@berth/sdk/errors';

/**
 * Replaces a file at once, and makes its directory: a reader sees the old text or the new one whole, also when the disk is full or the
 * power goes. Every error names the file.
 */
export function writeWholeFile(path: string, text: string, { mode, directoryMode }: { mode: number; directoryMode: number }): void {
  const partial = `${path}.${process.pid}.tmp`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: directoryMode });
    writeAndSync(partial, text, mode);
    renameSync(partial, path);
  } catch (error) {
    removeIfThere(partial);
    throw cannotWrite(path, error as NodeJS.ErrnoException);
  }
}

function writeAndSync(path: string, text: string, mode: number): void {
  const file = openSync(path, 'w', mode);
  try {
    const bytes = Buffer.from(text);
    for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** What couldn't be written is the error to tell, not what couldn't be removed after it. */
function removeIfThere(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    return;
  }
}

const cures: Record<string, string> = {
  ENOSPC: 'free some space on its disk',
  EDQUOT: 'free some space: the quota of its disk is used up',
  EROFS: 'name a directory that can be written, by --root and --run',
  EACCES: 'run berth as root, or name directories of your own by --root and --run',
};

function cannotWrite(path: string, error: NodeJS.ErrnoException): PluginError {
  const hint = cures[error.code ?? ''];
  return PluginError.from(error, 'INTERNAL', { object: `can't write ${path}`, ...(hint && { hint }) });
}
