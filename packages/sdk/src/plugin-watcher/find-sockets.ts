import type { Dirent } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ifThere } from '../if-there.ts';
import { socketIdentity } from '../socket-identity.ts';

/** The sockets below a directory, but those with a dot before their name or below such a directory: path, and what tells one from its successor. */
export async function findSockets(directory: string): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const entry of (await ifThere(directory, entriesOf(directory))) ?? []) {
    if (entry.name.startsWith('.')) continue;
    const path = join(directory, entry.name);
    if (entry.isDirectory()) for (const [below, identity] of await findSockets(path)) found.set(below, identity);
    else if (entry.isSocket()) {
      const status = await ifThere(path, lstat(path, { bigint: true }));
      if (status) found.set(path, socketIdentity(status));
    }
  }
  return found;
}

function entriesOf(directory: string): Promise<Dirent[]> {
  return readdir(directory, { withFileTypes: true });
}
