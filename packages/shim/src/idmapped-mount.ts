import { closeSync, mkdirSync, openSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { syscalls } from './syscalls.ts';

/**
 * Mounts `source` (a directory with all that is mounted below it, or a file) at `place`, which is made, so that ids of the user namespace
 * at the path `userNamespace` are seen as the same ids on disk (mount_setattr(2)). The file system has to be able to.
 */
export function mountIdmapped(source: string, place: string, userNamespace: string): void {
  makePlace(source, place);
  const namespace = openSync(userNamespace, 'r');
  try {
    syscalls().mountIdmapped(source, place, namespace);
  } finally {
    closeSync(namespace);
  }
}

function makePlace(source: string, place: string): void {
  if (statSync(source).isDirectory()) {
    mkdirSync(place, { recursive: true, mode: 0o755 });
    return;
  }
  mkdirSync(dirname(place), { recursive: true, mode: 0o755 });
  writeFileSync(place, '');
}
