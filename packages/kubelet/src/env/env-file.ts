import { open, readlink, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';

/** A file of variables is small; what is longer isn't one. */
const longestFile = 1024 * 1024;

/**
 * The variables of a file in which each is `NAME='value'`: a subset of what a POSIX shell reads. A value is literal and may have line
 * ends; lines that begin with # are comments. INVALID_ARGUMENT with the line for anything else.
 */
export function parseEnvFile(text: string): Map<string, string> {
  const variables = new Map<string, string>();
  const statement = /[ \t]*(?:#[^\n]*|([^\s=#'"][^\s=]*)[ \t]*=[ \t]*'([^']*)'[ \t]*(?:#[^\n]*)?)?\r?(?:\n|$)/y;
  while (statement.lastIndex < text.length) {
    const at = statement.lastIndex;
    const match = statement.exec(text);
    if (!match) {
      const line = text.slice(0, at).split('\n').length;
      throw new PluginError('INVALID_ARGUMENT', `line ${line} is not NAME='value'`, { hint: 'put the value between single quotes' });
    }
    const [, name, value] = match;
    if (name !== undefined && value !== undefined) variables.set(name, value);
  }
  return variables;
}

/**
 * Reads a file below a volume's directory, wherever links that containers made point to: one outside is refused with PERMISSION_DENIED.
 * Undefined if there is none.
 */
export async function readInVolume(directory: string, path: string): Promise<string | undefined> {
  const file = await open(join(directory, path), 'r').catch((error: unknown) => {
    if (PluginError.from(error).code === 'NOT_FOUND') return undefined;
    throw error;
  });
  if (!file) return undefined;
  try {
    // Checked on what is open, since a container may change links at any time.
    const opened = await readlink(`/proc/self/fd/${file.fd}`);
    if (!opened.startsWith(`${await realpath(directory)}/`)) {
      throw new PluginError('PERMISSION_DENIED', 'it leads out of its volume', { object: `file ${path}` });
    }
    const found = await file.stat();
    if (!found.isFile() || found.size > longestFile) {
      throw new PluginError('INVALID_ARGUMENT', 'it is no file, or longer than 1 MiB', { object: `file ${path}` });
    }
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}
