import { chmod, stat } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { PluginError } from '@berth/sdk/errors';

const search = 0o011;

/**
 * Lets everybody pass through the directories from `root` down to `directory`, though not list them: root of a user namespace is
 * nobody of note outside, and has to reach what is its own below. FAILED_PRECONDITION where one above `root` keeps it out.
 */
export async function makePassable(root: string, directory: string): Promise<void> {
  for (let above = dirname(root); ; above = dirname(above)) {
    const { mode } = await stat(above);
    if ((mode & 0o001) === 0) {
      throw new PluginError('FAILED_PRECONDITION', `user namespaces can't pass through ${above}`, {
        object: root,
        hint: `allow it with chmod o+x ${above}, or choose another --root`,
      });
    }
    if (above === dirname(above)) break;
  }
  const parts = relative(root, directory).split(sep).filter(Boolean);
  for (let depth = 0; depth <= parts.length; depth++) {
    const path = join(root, ...parts.slice(0, depth));
    const { mode } = await stat(path);
    if ((mode & search) !== search) await chmod(path, (mode & 0o7777) | search);
  }
}
