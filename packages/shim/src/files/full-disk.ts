import { statfs } from 'node:fs/promises';
import { PluginError } from '@berth/sdk/errors';

/** RESOURCE_EXHAUSTED for an error by which a file system said that it is full; any other error as it is. `directory` is where it happened. */
export function explainFullDisk(error: unknown, directory: string, object: string): unknown {
  return saysFull(error) || (error instanceof PluginError && error.hint === undefined && saysFull(error.cause))
    ? fullDisk(directory, object, error)
    : error;
}

/** The same for the error of a program, which may say anything where it can't write: the file system is asked. */
export async function explainProgramFailure(error: PluginError, directory: string, object: string): Promise<PluginError> {
  const { bavail } = await statfs(directory).catch(() => ({ bavail: undefined }));
  return bavail === 0 ? fullDisk(directory, object, error) : error;
}

function fullDisk(directory: string, object: string, cause: unknown): PluginError {
  return new PluginError('RESOURCE_EXHAUSTED', `the file system of ${directory} is full`, {
    object,
    hint: 'make room there, for example remove images and containers that nobody uses',
    cause,
  });
}

/** The kernel has no space for watches either, when there are too many; those are no disk's. */
function saysFull(error: unknown): boolean {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  return (code === 'ENOSPC' || code === 'EDQUOT') && syscall !== 'watch' && syscall !== 'mount';
}
