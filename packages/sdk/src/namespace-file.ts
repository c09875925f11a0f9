import { statfsSync } from 'node:fs';

/** NSFS_MAGIC, of the file system that the files of namespaces are in (statfs(2)). */
const namespaceFileSystem = 0x6e736673;

/** Is there a namespace at this path? One that a reboot has ended leaves a plain file, or none. */
export function isNamespaceFile(path: string): boolean {
  try {
    return statfsSync(path).type === namespaceFileSystem;
  } catch {
    return false;
  }
}
