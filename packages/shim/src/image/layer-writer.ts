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
import { type Attributes, type LayerEntry, refusal } from './layer-entry.ts';
import { syscalls } from './syscalls.ts';

const typeBits = { 'block-device': constants.S_IFBLK, 'character-device': constants.S_IFCHR, fifo: constants.S_IFIFO };
const opaqueAttribute = 'trusted.overlay.opaque';
/** Up to here a file is written by plain system calls: a thread-pool hop for each would cost more than the write. */
const smallFile = 64 * 1024;
const writeAsync = promisify(write);
const newFile = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/**
 * Writes the entries of one layer into an empty directory, in overlayfs's form. It alone writes there, so what it has
 * made itself is all that is there: a parent that it didn't make as a directory is never followed.
 */
export class LayerWriter {
  /** Bytes of file contents. */
  bytes = 0;
  inodes = 1;
  readonly #root: string;
  readonly #lowers: string[];
  /** Every directory of the layer, with the time to be set when nothing changes in it any more. */
  readonly #directories = new Map<string, number | undefined>([['', undefined]]);

  /** `lowers`: the unpacked layers below, topmost first. */
  constructor(root: string, lowers: string[]) {
    this.#root = root;
    this.#lowers = lowers;
  }

  async write(entry: LayerEntry, content: AsyncIterable<Uint8Array>): Promise<void> {
    if (entry.kind === 'ignored') return;
    if (entry.kind === 'opaque') return this.#makeOpaque(entry.path);
    this.#makeParents(entry.path);
    switch (entry.kind) {
      case 'whiteout':
        return this.#hide(entry.path);
      case 'directory':
        return this.#writeDirectory(entry.path, entry);
      case 'hard-link':
        return this.#link(entry.path, entry.target);
      case 'file':
        return this.#writeFile(entry, content);
      case 'symlink':
        this.#create(entry.path, (path) => symlinkSync(entry.target, path));
        break;
      case 'node':
        this.#create(entry.path, (path) => syscalls().mknod(path, typeBits[entry.type] | 0o600, entry.major, entry.minor));
        break;
    }
    this.#setAttributes(entry.path, entry, entry.kind === 'symlink');
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
    syscalls().setAttribute(join(this.#root, path), opaqueAttribute, Buffer.from('y'));
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

  async #writeFile(entry: LayerEntry & { kind: 'file' }, content: AsyncIterable<Uint8Array>): Promise<void> {
    let descriptor = -1;
    this.#create(entry.path, (path) => {
      descriptor = openSync(path, newFile, 0o600);
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
    this.#setExtended(entry.path, entry);
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
    const existing = this.#lstat(parent);
    if (existing && !isWhiteout(existing)) {
      throw refusal(path, `its parent ${JSON.stringify(parent)} is ${existing.isSymbolicLink() ? 'a symbolic link' : 'no directory'}`);
    }
    const below = this.#findBelow(parent, path);
    this.#makeDirectory(parent);
    if (!below) return;
    chownSync(join(this.#root, parent), below.uid, below.gid);
    chmodSync(join(this.#root, parent), below.mode & 0o7777);
    this.#directories.set(parent, below.mtimeMs / 1000);
  }

  #findBelow(directory: string, entry: string): Stats | undefined {
    for (const lower of this.#lowers) {
      const found = lstatSync(join(lower, directory), { throwIfNoEntry: false });
      if (found?.isSymbolicLink()) throw refusal(entry, `its parent ${JSON.stringify(directory)} is a symbolic link in a layer below`);
      if (found) return found.isDirectory() ? found : undefined;
    }
    return undefined;
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

function isWhiteout(stats: Stats): boolean {
  return stats.isCharacterDevice() && stats.rdev === 0;
}

function isExisting(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EEXIST' || (error as { code?: string }).code === 'ALREADY_EXISTS';
}
