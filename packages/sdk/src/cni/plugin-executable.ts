import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PluginError } from '../errors.ts';

/** The first executable file named `type` in the directories; undefined where there is none. */
export function findPlugin(type: string, pluginDirs: string[]): string | undefined {
  return candidates(type, pluginDirs).find(isExecutable);
}

/** As `findPlugin`. Throws NOT_FOUND where there is none, which begins with `object` and names what was looked at. */
export async function pluginExecutable(type: string, pluginDirs: string[], object: string): Promise<string> {
  const found = findPlugin(type, pluginDirs);
  if (found !== undefined) return found;
  const unusable = candidates(type, pluginDirs).filter((file) => existsSync(file));
  const nowhere = `no such executable in ${pluginDirs.join(', ') || 'any directory (none is configured)'}`;
  const what = unusable.map((file) => `${file} is not an executable file`).join(', ') || nowhere;
  throw new PluginError('NOT_FOUND', what, { object, hint: `install ${type} there` });
}

function candidates(type: string, pluginDirs: string[]): string[] {
  return pluginDirs.map((directory) => join(directory, type));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
