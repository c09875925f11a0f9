import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  copyFileSync,
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
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { PluginError } from '@berth/sdk/errors';
import { quoted } from '@berth/sdk/quoted';
import { syscalls } from '../syscalls.ts';
import { DiskRoom } from './disk-room.ts';
import { LayerDirectories } from './layer-directories.ts';
import { type Attributes, type LayerEntry, refusal } from './layer-entry.ts';
import { isWhiteout, MergedLayers, makeOpaque, mostLinks } from './merged-layers.ts';

const typeBits = { 'block-device': constants.S_IFBLK, 'character-device': constants.S_IFCHR, fifo: constants.S_IFIFO };
const newFile = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

interface OpenFile extends Attributes {
  path: string;
  descriptor: number;
}

/**
 * Writes the entries of one layer into an empty directory, in overlayfs's form, by plain system calls. It alone writes there, so what it has
 * made itself is all that is there: a parent that it made as a symbolic link is never followed.
 */
export class LayerWriter {
  /** Bytes of file contents. */
  bytes = 0;
  inodes = 1;
  readonly #root: string;
  readonly #lowers: MergedLayers;
  readonly #directories = new LayerDirectories();
  readonly #room: DiskRoom;
  #file: OpenFile | undefined;

  /** `lowers`: the unpacked layers below, topmost first. */
  constructor(root: string, lowers: string[]) {
    this.#root = root;
    this.#lowers = new MergedLayers(lowers);
    this.#room = new DiskRoom(root);
  }

  /** Makes what the entry asks for; of a file, `content` and `end` follow. */
  begin(entry: LayerEntry): void {
    if (entry.kind === 'ignored') return;
    try {
      this.#begin(entry);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENAMETOOLONG') throw error;
      const what = `its path is too long for Linux behind that of the image store, with ${Buffer.byteLength(entry.path)} bytes`;
      throw refusal(entry.path, what, 'build the image with shorter paths, or give Berth a shorter --root');
    }
  }

  #begin(entry: Exclude<LayerEntry, { kind: 'ignored' }>): void {
    if (entry.kind === 'opaque') {
      this.#makeOpaque(parentOf(this.#resolve(`${entry.path}/.`)));
      return;
    }
    const path = this.#resolve(entry.path);
    this.#makeParents(path);
    this.#make(path, entry);
  }

  #make(path: string, entry: Exclude<LayerEntry, { kind: 'ignored' | 'opaque' }>): void {
    switch (entry.kind) {
      case 'whiteout':
        this.#hide(path);
        break;
      case 'directory':
        this.#writeDirectory(path, entry);
        break;
      case 'hard-link':
        this.#link(path, this.#resolve(entry.target));
        break;
      case 'file':
        this.#openFile(path, entry);
        break;
      case 'symlink':
        this.#create(path, (link) => symlinkSync(entry.target, link));
        this.#setAttributes(path, entry, true);
        break;
      case 'node':
        this.#create(path, (node) => syscalls().mknod(node, typeBits[entry.type] | 0o600, entry.major, entry.minor));
        this.#setAttributes(path, entry, false);
        break;
    }
  }

  /** A piece of the file that was begun last; of any other entry it is skipped. */
  content(piece: Uint8Array): void {
    if (!this.#file) return;
    for (let written = 0; written < piece.length; ) written += writeSync(this.#file.descriptor, piece, written);
    this.bytes += piece.length;
  }

  /** The entry that was begun last is whole. */
  end(): void {
    if (!this.#file) return;
    const { path, descriptor, ...attributes } = this.#file;
    fchownSync(descriptor, attributes.uid, attributes.gid);
    fchmodSync(descriptor, attributes.mode);
    futimesSync(descriptor, attributes.modified, attributes.modified);
    this.close();
    this.#setExtended(path, attributes);
  }

  /** To be called where writing has come to its end, whatever has happened. */
  close(): void {
    if (this.#file) closeSync(this.#file.descriptor);
    this.#file = undefined;
  }

  /** To be called after the last entry. */
  finish(): void {
    for (const [path, modified] of this.#directories.times()) utimesSync(join(this.#root, path), modified, modified);
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
    this.#directories.setTime(path, attributes.modified);
  }

  #link(path: string, target: string): void {
    const found = this.#directories.has(parentOf(target)) ? this.#lstat(target) : undefined;
    if (!found || isWhiteout(found)) this.#copyUp(path, target);
    else if (found.isDirectory()) throw refusal(path, `it is a hard link to the directory ${quoted(target)}`);
    if (path !== target) this.#create(path, (link) => linkSync(join(this.#root, target), link), 0);
  }

  /** A hard link to a file of a layer below: overlayfs has no links between layers, so the file is taken up into this one, as it does itself. */
  #copyUp(link: string, path: string): void {
    const [at, stats] = [this.#lowers.locate(path), this.#lowers.lstat(path)];
    if (!at || !stats?.isFile() || this.#lstat(path)) {
      throw refusal(link, `it is a hard link to ${quoted(path)}, which is no file of this layer before it, nor of one below`);
    }
    this.#room.take(stats.size);
    this.#makeParents(path);
    this.#create(path, (file) => copyFileSync(at, file, constants.COPYFILE_EXCL));
    const capability = syscalls().getAttribute(at, 'security.capability');
    const extended: Attributes['extended'] = capability ? [['security.capability', Buffer.from(capability)]] : [];
    this.#setAttributes(
      path,
      { mode: stats.mode & 0o7777, uid: stats.uid, gid: stats.gid, modified: stats.mtimeMs / 1000, extended },
      false,
    );
    this.bytes += stats.size;
  }

  #openFile(path: string, { size, mode, uid, gid, modified, extended }: LayerEntry & { kind: 'file' }): void {
    this.#room.take(size);
    this.#create(path, (file) => {
      this.#file = { path, descriptor: openSync(file, newFile, 0o600), mode, uid, gid, modified, extended };
    });
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
    this.#directories.remove(path);
  }

  #makeDirectory(path: string): void {
    if (this.#directories.has(path)) return;
    const hidden = this.#lstat(path);
    this.#create(path, (directory) => mkdirSync(directory, 0o755));
    this.#directories.add(path);
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
    this.#directories.setTime(parent, below.mtimeMs / 1000);
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
      throw refusal(entry, `its parent ${quoted(parent)} is ${existing.isSymbolicLink() ? 'a symbolic link' : 'no directory'}`);
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
    for (const [name, value] of attributes.extended) {
      try {
        syscalls().setAttribute(join(this.#root, path), name, value);
      } catch (error) {
        const { code, cause } = PluginError.from(error);
        const why = quoted((cause as Error | undefined)?.message);
        if (code !== 'RESOURCE_EXHAUSTED') throw refusal(path, `its extended attribute can't be set: ${why}`);
        throw this.#room.isFullForAttribute() ? error : refusal(path, 'it has more extended attributes than the file system takes');
      }
    }
  }

  #lstat(path: string): Stats | undefined {
    return lstatSync(join(this.#root, path), { throwIfNoEntry: false });
  }
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 0));
}

function isExisting(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EEXIST' || (error as { code?: string }).code === 'ALREADY_EXISTS';
}
