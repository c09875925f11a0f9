import { ELOOP, ENOENT, ENOTDIR } from '../errno.ts';
import {
  closeDescriptor,
  identityOf,
  isOnProc,
  linkTarget,
  type NameIn,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  openInRoot,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
} from './host-files.ts';

/** Where a path leads. `at` is an O_PATH descriptor, the taker's to close; `proc` a place in the synthetic /proc. */
export type Found = { kind: 'file'; at: number; path: string } | { kind: 'proc'; path: string };

/** The links of the synthetic /proc: target of the one at `path`; undefined where there is none, or it names no path. */
type ProcLinks = (path: string) => string | undefined;

/** Links in one path before it is ELOOP (path_resolution(7)). */
const maximumLinks = 40;
/** Tries against somebody who moves things about while they are looked up. */
const maximumTries = 8;

/**
 * Paths of a container, followed by the Sentry itself below the container's root directory. What it opens in the end has no symbolic
 * link in its path (openat2 sees to that), so that whoever changes one meanwhile gets another try, and never another place.
 */
export class Paths {
  readonly root: number;

  constructor(root: number) {
    this.root = root;
  }

  /** Finds what is at an absolute path, or an errno. `follow`: also a symbolic link in the last place. */
  find(path: string, follow: boolean, links: ProcLinks): Found | number {
    const parts = split(path);
    const isDirectory = endsInDirectory(path);
    const followLast = follow || isDirectory;
    const flags = O_PATH | (followLast ? 0 : O_NOFOLLOW) | (isDirectory ? O_DIRECTORY : 0);
    if (!parts.includes('..') && parts[0] !== 'proc') {
      const text = join(parts);
      const at = openInRoot(this.root, text, flags);
      if (at !== -ELOOP) return this.#found(at, text);
    }
    for (let tries = 0; tries < maximumTries; tries++) {
      const text = this.#canonical(parts, followLast, links);
      if (typeof text === 'number') return text;
      if (isProc(text)) return { kind: 'proc', path: text };
      const at = openInRoot(this.root, text, flags | O_NOFOLLOW);
      if (at !== -ELOOP) return this.#found(at, text);
    }
    return -ELOOP;
  }

  /**
   * The directory that holds the last step of a path, as an O_PATH descriptor that is the taker's to close, and the name of that step; or an
   * errno. With `follow`, of where a link there leads.
   */
  entry(path: string, follow: boolean, links: ProcLinks): NameIn | { kind: 'proc'; path: string } | number {
    const parts = split(path);
    for (let tries = 0; tries < maximumTries; tries++) {
      const text = this.#canonical(parts, follow, links);
      if (typeof text === 'number') return text;
      if (isProc(text)) return { kind: 'proc', path: text };
      const cut = text.lastIndexOf('/');
      const directory = openInRoot(this.root, text.slice(0, cut) || '/', O_PATH | O_DIRECTORY);
      if (directory === -ELOOP) continue;
      return directory < 0 ? directory : { directory, name: text.slice(cut + 1) };
    }
    return -ELOOP;
  }

  #found(at: number, path: string): Found | number {
    if (at < 0) return at;
    if (!isOnProc(at)) return { kind: 'file', at, path };
    // Another proc file system, such as one of the host in a volume, would show the Sentry as `self`.
    closeDescriptor(at);
    return -ENOENT;
  }

  /** The path without links, `.` and `..`; its last step may be missing. Or an errno. */
  #canonical(parts: string[], follow: boolean, links: ProcLinks): string | number {
    let resolved: string[] = [];
    const pending = parts.toReversed();
    let followed = 0;
    for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
      if (part === '..') {
        resolved.pop();
        continue;
      }
      const isLast = pending.length === 0;
      const target = this.#targetOf(join([...resolved, part]), isLast, follow, links);
      if (typeof target === 'number') return target;
      if (target === undefined) {
        resolved.push(part);
        continue;
      }
      if (++followed > maximumLinks) return -ELOOP;
      if (target === '') return -ENOENT;
      if (target.startsWith('/')) resolved = [];
      pending.push(...split(target).reverse());
    }
    return join(resolved);
  }

  /** Where a link at this place leads; undefined for what is to be taken as it is. */
  #targetOf(path: string, isLast: boolean, follow: boolean, links: ProcLinks): string | undefined | number {
    if (isLast && !follow) return undefined;
    if (isProc(path)) return links(path);
    const at = openInRoot(this.root, path, O_PATH | O_NOFOLLOW);
    if (at === -ENOENT && isLast) return undefined;
    // Moved just now: it is looked at again with the next try.
    if (at < 0) return at;
    try {
      const identity = identityOf(at);
      if (typeof identity === 'number') return identity;
      const type = identity.mode & S_IFMT;
      if (type === S_IFLNK) return linkTarget(at, '');
      return isLast || type === S_IFDIR ? undefined : -ENOTDIR;
    } finally {
      closeDescriptor(at);
    }
  }
}

/** Whether a path without links leads into the place of the synthetic /proc. */
export function isProc(path: string): boolean {
  return path === '/proc' || path.startsWith('/proc/');
}

/** The names of a path: without empty ones and `.`. */
function split(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

function join(parts: string[]): string {
  return `/${parts.join('/')}`;
}

/** `a/` and `a/.` name a directory. */
function endsInDirectory(path: string): boolean {
  return path.endsWith('/') || path.endsWith('/.');
}
