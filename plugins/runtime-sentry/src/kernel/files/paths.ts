import { ELOOP, ENOENT, ENOTDIR } from '../errno.ts';
import {
  closeDescriptor,
  identityOf,
  isDots,
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

/** Where a path leads. `at` is an O_PATH descriptor, the taker's to close; `proc` a place in the synthetic /proc, which `mustBeDirectory` by how the path is written. */
export type Found = { kind: 'file'; at: number; path: string } | { kind: 'proc'; path: string; mustBeDirectory: boolean };

/** Where a path ends: names without links, `.` and `..`; and the last step as it is written, which may be missing. */
interface Place {
  directory: string[];
  last: string;
}

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

  /** Finds what is at an absolute path, or an errno. `follow`: also a symbolic link in the last place; one with a slash behind it always is. */
  find(path: string, follow: boolean, links: ProcLinks): Found | number {
    const followLast = follow || path.endsWith('/');
    const names = stepsOf(path).map(nameOf);
    if (!names.includes('..') && names.find((name) => name !== '.') !== 'proc') {
      const at = openInRoot(this.root, path, O_PATH | (followLast ? 0 : O_NOFOLLOW));
      if (at !== -ELOOP) return this.#found(at, join(names.filter((name) => name !== '.')));
    }
    for (let tries = 0; tries < maximumTries; tries++) {
      const place = this.#walk(path, followLast, links);
      if (typeof place === 'number') return place;
      const text = textOf(place);
      const mustBeDirectory = namesDirectory(place.last);
      if (isProc(text)) return { kind: 'proc', path: text, mustBeDirectory };
      const at = openInRoot(this.root, mustBeDirectory ? `${text}/` : text, O_PATH | O_NOFOLLOW);
      if (at !== -ELOOP) return this.#found(at, text);
    }
    return -ELOOP;
  }

  /**
   * The directory that holds the last step of a path, as an O_PATH descriptor that is the taker's to close, and that step as it is written:
   * `.`, `..` and a slash behind a name are left for the kernel to judge. Or an errno. With `follow`, of where a link there
   * leads; never with a slash behind it.
   */
  entry(path: string, follow: boolean, links: ProcLinks): NameIn | { kind: 'proc'; path: string } | number {
    for (let tries = 0; tries < maximumTries; tries++) {
      const place = this.#walk(path, follow && !path.endsWith('/'), links);
      if (typeof place === 'number') return place;
      const holder = join(place.directory);
      const text = isProc(holder) ? holder : textOf(place);
      if (isProc(text)) return { kind: 'proc', path: text };
      const directory = openInRoot(this.root, holder, O_PATH | O_DIRECTORY);
      if (directory === -ELOOP) continue;
      return directory < 0 ? directory : { directory, name: place.last };
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

  /** Goes along a path to its last step, which may be missing. Or an errno. */
  #walk(path: string, follow: boolean, links: ProcLinks): Place | number {
    let directory: string[] = [];
    const pending = stepsOf(path).reverse();
    for (let followed = 0; followed <= maximumLinks; ) {
      // The root directory is the last step of a path without any.
      const step = pending.pop() ?? '.';
      const isLast = pending.length === 0;
      const name = nameOf(step);
      const target = isDots(name) ? undefined : this.#targetOf(join([...directory, name]), isLast, follow, links);
      if (typeof target === 'number') return target;
      if (target === '') return -ENOENT;
      if (target !== undefined) {
        followed++;
        if (target.startsWith('/')) directory = [];
        pending.push(...stepsOf(step.endsWith('/') ? `${target}/` : target).reverse());
        continue;
      }
      if (isLast) return { directory, last: step };
      if (name === '..') directory.pop();
      else if (name !== '.') directory.push(name);
    }
    return -ELOOP;
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

/** The steps of a path, each with a slash if one is behind it: what has one must be a directory. */
function stepsOf(path: string): string[] {
  return path.match(/[^/]+\/?/g) ?? [];
}

function nameOf(step: string): string {
  return step.endsWith('/') ? step.slice(0, -1) : step;
}

/** Whether a last step can only be a directory. */
function namesDirectory(step: string): boolean {
  return step.endsWith('/') || isDots(step);
}

function textOf({ directory, last }: Place): string {
  const name = nameOf(last);
  if (name === '..') return join(directory.slice(0, -1));
  return join(name === '.' ? directory : [...directory, name]);
}

function join(names: string[]): string {
  return `/${names.join('/')}`;
}
