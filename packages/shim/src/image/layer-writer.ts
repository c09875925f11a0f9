import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  futimesSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmSync,
  type Stats,
  symlinkSync,
  utimesSync,
  write,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { syscalls } from '../syscalls.ts';
import { type Attributes, type LayerEntry, refusal } from './layer-entry.ts';
import { isWhiteout, MergedLayers, makeOpaque, mostLinks } from './merged-layers.ts';

const typeBits = { 'block-device': constants.S_IFBLK, 'character-device': constants.S_IFCHR, fifo: constants.S_IFIFO };
/** Up to here a file is written by plain system calls: a thread-pool hop for each would cost more than the write. */
const smallFile = 64 * 1024;
const writeAsync = promisify(write);
const newFile = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/**
 * Writes the entries of one layer into an empty directory, in overlayfs's form. It alone writes there, so what it has
 * made itself is all that is there: a parent that it made as a symbolic link is never followed.
 */
export class LayerWriter {
  /** Bytes of file contents. */
  bytes = 0;
  inodes = 1;
  readonly #root: string;
  readonly #lowers: MergedLayers;
  /** Every directory of the layer, with the time to be set when nothing changes in it any more. */
  readonly #directories = new Map<string, number | undefined>([['', undefined]]);

  /** `lowers`: the unpacked layers below, topmost first. */
  constructor(root: string, lowers: string[]) {
    this.#root = root;
    this.#lowers = new MergedLayers(lowers);
  }

  async write(entry: LayerEntry, content: AsyncIterable<Uint8Array>): Promise<void> {
    if (entry.kind === 'ignored') return;
    if (entry.kind === 'opaque') return this.#makeOpaque(parentOf(this.#resolve(`${entry.path}/.`)));
    const path = this.#resolve(entry.path);
    this.#makeParents(path);
    switch (entry.kind) {
      case 'whiteout':
        return this.#hide(path);
      case 'directory':
        return this.#writeDirectory(path, entry);
      case 'hard-link':
        return this.#link(path, this.#resolve(entry.target));
      case 'file':
        return this.#writeFile(path, entry, content);
      case 'symlink':
        this.#create(path, (link) => symlinkSync(entry.target, link));
        break;
      case 'node':
        this.#create(path, (node) => syscalls().mknod(node, typeBits[entry.type] | 0o600, entry.major, entry.minor));
        break;
    }
    this.#setAttributes(path, entry, entry.kind === 'symlink');
  }

  /** To be called after the last entry. */
  finish(): void {
    for (const [path, modified] of this.#directories) {
      if (modified !== undefined) utimesSync(join(this.#root, path), modified, modified);
    }
  }

  #hide(path: string): void {
    const existing = this.#lstat(path);
    if (existing?.isDirectory()) this.#makeOpaque(path);
    else if (!existing) this.#create(path, (whiteout) => syscalls().mknod(whiteout, constants.S_IFCHR, 0, 0));
  }

  #makeOpaque(path: string): void {
    this.#makeParents(path);
    this.#makeDirectory(path);
    makeOpaque(join(this.#root, path));
  }

  #writeDirectory(path: string, attributes: Attributes): void {
    this.#makeDirectory(path);
    this.#setAttributes(path, attributes, false);
    this.#directories.set(path, attributes.modified);
  }

  #link(path: string, target: string): void {
    const parent = parentOf(target);
    const found = this.#directories.has(parent) ? this.#lstat(target) : undefined;
    if (!found) throw refusal(path, `it is a hard link to ${JSON.stringify(target)}, which this layer doesn't hold before it`);
    if (found.isDirectory()) throw refusal(path, `it is a hard link to the directory ${JSON.stringify(target)}`);
    if (path !== target) this.#create(path, (link) => linkSync(join(this.#root, target), link), 0);
  }

  async #writeFile(path: string, entry: LayerEntry & { kind: 'file' }, content: AsyncIterable<Uint8Array>): Promise<void> {
    let descriptor = -1;
    this.#create(path, (file) => {
      descriptor = openSync(file, newFile, 0o600);
    });
    try {
      const writeChunk = entry.size <= smallFile ? writeSmall : writeLarge;
      for await (const chunk of content) await writeChunk(descriptor, chunk);
      fchownSync(descriptor, entry.uid, entry.gid);
      fchmodSync(descriptor, entry.mode);
      futimesSync(descriptor, entry.modified, entry.modified);
    } finally {
      closeSync(descriptor);
    }
    this.#setExtended(path, entry);
    this.bytes += entry.size;
  }

  /** Makes something new at a path whose parents are there; a later entry of the same name replaces an earlier one. */
  #create(path: string, make: (path: string) => void, inodes = 1): void {
    const target = join(this.#root, path);
    try {
      make(target);
    } catch (error) {
      if (!isExisting(error)) throw error;
      this.#removeTree(path);
      make(target);
    }
    this.inodes += inodes;
  }

  #removeTree(path: string): void {
    rmSync(join(this.#root, path), { recursive: true, force: true });
    if (!this.#directories.has(path)) return;
    for (const directory of [...this.#directories.keys()]) {
      if (directory === path || directory.startsWith(`${path}/`)) this.#directories.delete(directory);
    }
  }

  #makeDirectory(path: string): void {
    if (this.#directories.has(path)) return;
    const hidden = this.#lstat(path);
    this.#create(path, (directory) => mkdirSync(directory, 0o755));
    this.#directories.set(path, undefined);
    if (hidden && isWhiteout(hidden)) this.#makeOpaque(path);
  }

  /** A parent that the layer doesn't name looks as it does in the layers below, which it would otherwise change for the container. */
  #makeParents(path: string): void {
    const parent = parentOf(path);
    if (this.#directories.has(parent)) return;
    this.#makeParents(parent);
    const below = this.#lowers.lstat(parent);
    this.#makeDirectory(parent);
    if (!below?.isDirectory()) return;
    chownSync(join(this.#root, parent), below.uid, below.gid);
    chmodSync(join(this.#root, parent), below.mode & 0o7777);
    this.#directories.set(parent, below.mtimeMs / 1000);
  }

  /**
   * The path with the symbolic links of lower layers resolved in its parents, inside the root, as in a container:
   * `bin/sh` is `usr/bin/sh` where a layer below has `bin -> usr/bin`. Links of this layer itself are refused.
   */
  #resolve(path: string): string {
    if (this.#directories.has(parentOf(path))) return path;
    const waiting = path.split('/');
    const name = waiting.pop() ?? '';
    let at = '';
    for (let links = 0; ; ) {
      const part = waiting.shift();
      if (part === undefined) return at ? `${at}/${name}` : name;
      if (part === '' || part === '.') continue;
      const next = at ? `${at}/${part}` : part;
      if (part === '..') at = parentOf(at);
      else if (this.#directories.has(next) || !this.#linkBelow(next, path)) at = next;
      else {
        if (++links > mostLinks) throw refusal(path, 'its parents are a loop of symbolic links in the layers below');
        const target = this.#lowers.readlink(next);
        if (target.startsWith('/')) at = '';
        waiting.unshift(...target.split('/'));
      }
    }
  }

  /** Whether a parent that this layer hasn't made is a symbolic link in the layers below. */
  #linkBelow(parent: string, entry: string): boolean {
    const existing = this.#lstat(parent);
    if (existing && !isWhiteout(existing)) {
      throw refusal(entry, `its parent ${JSON.stringify(parent)} is ${existing.isSymbolicLink() ? 'a symbolic link' : 'no directory'}`);
    }
    return !existing && this.#lowers.lstat(parent)?.isSymbolicLink() === true;
  }

  #setAttributes(path: string, attributes: Attributes, isSymlink: boolean): void {
    const target = join(this.#root, path);
    lchownSync(target, attributes.uid, attributes.gid);
    if (!isSymlink) chmodSync(target, attributes.mode);
    this.#setExtended(path, attributes);
    lutimesSync(target, attributes.modified, attributes.modified);
  }

  #setExtended(path: string, attributes: Attributes): void {
    for (const [name, value] of attributes.extended) syscalls().setAttribute(join(this.#root, path), name, value);
  }

  #lstat(path: string): Stats | undefined {
    return lstatSync(join(this.#root, path), { throwIfNoEntry: false });
  }
}

function writeSmall(descriptor: number, chunk: Uint8Array): void {
  for (let written = 0; written < chunk.length; ) written += writeSync(descriptor, chunk, written);
}

/** Off the event loop, since the kernel may hold back a process that fills the page cache. */
async function writeLarge(descriptor: number, chunk: Uint8Array): Promise<void> {
  for (let written = 0; written < chunk.length; ) written += (await writeAsync(descriptor, chunk, written)).bytesWritten;
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 0));
}

function isExisting(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EEXIST' || (error as { code?: string }).code === 'ALREADY_EXISTS';
}
