import { EACCES, EINVAL, EISDIR, ELOOP, ENOENT, ENOTDIR } from '../errno.ts';
import {
  closeDescriptor,
  contentFile,
  contentOf,
  descriptorPath,
  isOnProc,
  linkTarget,
  namesIn,
  O_ACCMODE,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  openHost,
  S_IFDIR,
  S_IFLNK,
  S_IFREG,
  statOf,
} from '../files/host-files.ts';
import { type DirectoryEntry, fileStatus, procStatfs } from '../layouts.ts';
import type { Machine } from '../machine.ts';
import type { Answer } from '../notifications.ts';
import type { Task } from '../task.ts';
import { processFiles, processLinks } from './process-files.ts';
import { systemFiles } from './system-files.ts';

/** What is at a place of /proc. A `magic` link leads to an open file that needs no path (`fd/1` -> `pipe:[7]`). */
type Node =
  | { type: 'directory'; entries: () => DirectoryEntry[] | number }
  | { type: 'file'; content: () => Buffer | number }
  | { type: 'link'; target: () => string | number; magic: boolean };

/**
 * The /proc that a container sees: its own processes, and a system that is the Sentry. What is told of a process is read, with the
 * caller's rights, from the proc file system that runc mounted for the container's PID namespace, which itself nobody in it gets to see.
 */
export class ProcTree {
  readonly #real: number;
  readonly #machine: Machine;

  /** `root` is an O_PATH descriptor of the container's root directory. Throws if no proc file system is mounted in it. */
  constructor(root: number, machine: Machine) {
    this.#machine = machine;
    this.#real = openHost('proc', O_PATH | O_DIRECTORY | O_NOFOLLOW, root);
    if (this.#real >= 0 && isOnProc(this.#real)) return;
    if (this.#real >= 0) this.close();
    throw new Error('the container has no proc file system at /proc');
  }

  close(): void {
    closeDescriptor(this.#real);
  }

  /** Processes of the container, in its own numbers. */
  processIds(): number[] {
    const names = namesIn(descriptorPath(this.#real));
    return typeof names === 'number' ? [] : names.filter((name) => /^\d+$/.test(name)).map(Number);
  }

  /** Where the link at a place leads, for one that names a path: as Paths follows it. */
  link(path: string, task: Task): string | undefined {
    const node = this.#node(path, task);
    if (node?.type !== 'link') return undefined;
    const target = node.target();
    return typeof target === 'string' && (!node.magic || isPath(target)) ? target : undefined;
  }

  /** An O_PATH descriptor of what a link without a path leads to; undefined if there is no such link at the place. */
  through(path: string, task: Task): number | undefined {
    const node = this.#node(path, task);
    if (node?.type !== 'link' || !node.magic) return undefined;
    const at = openHost(below(path), O_PATH, this.#real);
    if (at < 0 || !isOnProc(at)) return at;
    closeDescriptor(at);
    return -EACCES;
  }

  linkText(path: string, task: Task): string | number {
    const node = this.#node(path, task);
    if (!node) return -ENOENT;
    return node.type === 'link' ? node.target() : -EINVAL;
  }

  isDirectory(path: string, task: Task): boolean {
    return this.#node(path, task)?.type === 'directory';
  }

  /** struct stat. */
  stat(path: string, task: Task): Buffer | number {
    const node = this.#node(path, task);
    if (!node) return -ENOENT;
    const name = below(path);
    if (/^\d/.test(name)) return this.#realStat(name);
    return fileStatus({ inode: inodeOf(name), mode: modes[node.type], uid: 0, gid: 0, size: 0, time: this.#machine.bootedAt });
  }

  statfs(): Buffer {
    return procStatfs();
  }

  access(path: string, mode: number, task: Task): number {
    const W_OK = 2;
    if (!this.#node(path, task)) return -ENOENT;
    return mode & W_OK ? -EACCES : 0;
  }

  /** A file as it is at this moment, to be read only; or a directory. */
  open(path: string, flags: number, task: Task): Answer {
    const node = this.#node(path, task);
    const closeOnExec = (flags & O_CLOEXEC) !== 0;
    if (!node) return -ENOENT;
    if (node.type === 'link') return -ELOOP;
    if (node.type === 'directory') {
      if (flags & O_ACCMODE) return -EISDIR;
      // The kernel's directory of that name, for its place alone: what is in it is told by `entries`, at getdents64.
      const descriptor = openHost(below(path) || '.', O_DIRECTORY | O_NOFOLLOW, this.#real);
      return descriptor < 0 ? descriptor : { descriptor, closeOnExec };
    }
    if (flags & O_DIRECTORY) return -ENOTDIR;
    if (flags & O_ACCMODE) return -EACCES;
    const content = node.content();
    if (typeof content === 'number') return content;
    const descriptor = contentFile(below(path).replaceAll('/', '-'), content);
    return descriptor < 0 ? descriptor : { descriptor, closeOnExec };
  }

  /** What is in a directory; or an errno. */
  entries(path: string, task: Task): DirectoryEntry[] | number {
    const node = this.#node(path, task);
    return node?.type === 'directory' ? node.entries() : -ENOENT;
  }

  #node(path: string, task: Task): Node | undefined {
    const name = below(path);
    const [first = '', ...rest] = name.split('/');
    if (first === 'self' && rest.length === 0) return link(() => String(task.ownProcessId));
    if (name === 'mounts') return link(() => 'self/mounts');
    if (/^\d+$/.test(first)) return this.#processNode(first, rest);
    const content = systemFiles[name];
    if (content) return { type: 'file', content: () => Buffer.from(content(this.#machine, this.#load())) };
    const inside = entriesBelow(Object.keys(systemFiles), name);
    if (inside.length === 0) return undefined;
    return { type: 'directory', entries: () => listing(name === '' ? [...inside, ...this.#rootEntries()] : inside) };
  }

  #rootEntries(): DirectoryEntry[] {
    const links = ['self', 'mounts'].map((name) => entry(name, 'link'));
    return [...links, ...this.processIds().map((id) => entry(String(id), 'directory'))];
  }

  #processNode(id: string, [name, number, ...more]: string[]): Node | undefined {
    if (more.length > 0 || !this.#exists(id)) return undefined;
    if (name === undefined) return { type: 'directory', entries: () => listing(processEntries) };
    if (name === 'fd') return this.#descriptorNode(id, number);
    if (number !== undefined) return undefined;
    if (processLinks.has(name)) return link(() => linkTarget(this.#real, `${id}/${name}`));
    const view = processFiles[name];
    if (!view) return undefined;
    return {
      type: 'file',
      content: () => {
        const real = contentOf(`${id}/${name}`, this.#real);
        return typeof real === 'number' ? real : view(real);
      },
    };
  }

  #descriptorNode(id: string, number: string | undefined): Node | undefined {
    if (number === undefined) {
      return { type: 'directory', entries: () => this.#descriptors(id) };
    }
    const target = linkTarget(this.#real, `${id}/fd/${number}`);
    return typeof target === 'number' ? undefined : { type: 'link', target: () => target, magic: true };
  }

  #descriptors(id: string): DirectoryEntry[] | number {
    const names = namesIn(`${descriptorPath(this.#real)}/${id}/fd`);
    return typeof names === 'number' ? names : listing(names.map((name) => entry(name, 'link')));
  }

  #exists(id: string): boolean {
    return typeof this.#realStat(id) !== 'number';
  }

  #realStat(name: string): Buffer | number {
    const at = openHost(name, O_PATH | O_NOFOLLOW, this.#real);
    if (at < 0) return at;
    const bytes = statOf(at);
    closeDescriptor(at);
    return bytes;
  }

  #load(): { processes: number; lastProcess: number } {
    const ids = this.processIds();
    return { processes: ids.length, lastProcess: Math.max(1, ...ids) };
  }
}

const modes = { directory: S_IFDIR | 0o555, file: S_IFREG | 0o444, link: S_IFLNK | 0o777 };

const processEntries: DirectoryEntry[] = [
  ...Object.keys(processFiles).map((name) => entry(name, 'file')),
  ...[...processLinks].map((name) => entry(name, 'link')),
  entry('fd', 'directory'),
];

function link(target: () => string | number): Node {
  return { type: 'link', target, magic: false };
}

/** The path below /proc, without a slash at its start. */
function below(path: string): string {
  return path.slice('/proc/'.length);
}

/** What links to descriptors tell of anything but a file that still has a name: `pipe:[7]`, `/tmp/x (deleted)`. */
function isPath(target: string): boolean {
  return target.startsWith('/') && !target.endsWith(' (deleted)');
}

function listing(entries: DirectoryEntry[]): DirectoryEntry[] {
  return [entry('.', 'directory'), entry('..', 'directory'), ...entries];
}

function entry(name: string, type: DirectoryEntry['type']): DirectoryEntry {
  return { name, inode: inodeOf(name), type };
}

/** What of `paths` is directly in a directory (`''`: the root of them). */
function entriesBelow(paths: string[], directory: string): DirectoryEntry[] {
  const prefix = directory === '' ? '' : `${directory}/`;
  const found = new Map<string, DirectoryEntry>();
  for (const path of paths.filter((one) => one.startsWith(prefix))) {
    const [name = '', ...rest] = path.slice(prefix.length).split('/');
    found.set(name, entry(name, rest.length === 0 ? 'file' : 'directory'));
  }
  return [...found.values()];
}

/** Steady, and never 0: FNV-1a of the name. */
function inodeOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(name, 'latin1')) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash || 1;
}
