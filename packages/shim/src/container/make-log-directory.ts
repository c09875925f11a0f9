import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { absent } from '../files/absent.ts';

/** Makes the directories above a container's log. INVALID_ARGUMENT, by the path, where no log can be. */
export async function makeLogDirectory(logPath: string, object: string): Promise<void> {
  const directory = dirname(logPath);
  try {
    await mkdir(directory, { recursive: true, mode: 0o755 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' || code === 'ENOTDIR') {
      throw new PluginError('INVALID_ARGUMENT', `its log can't be in ${directory}, which isn't a directory, or is below a file`, {
        object,
        hint: 'change log_directory or log_path',
        cause: error,
      });
    }
    throw PluginError.from(error, 'INTERNAL', { object, hint: `see that ${directory} can be made` });
  }
  if (!(await stat(logPath).catch(absent))?.isDirectory()) return;
  throw new PluginError('INVALID_ARGUMENT', `its log can't be at ${logPath}, which is a directory`, { object, hint: 'change log_path' });
}
