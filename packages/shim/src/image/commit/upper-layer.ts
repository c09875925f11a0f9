import { type BigIntStats, closeSync, constants, lstatSync, openSync, readdirSync, readlinkSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { splitDeviceNumber } from '@berth/sdk/device-number';
import { PluginError } from '@berth/sdk/errors';
import { syscalls } from '../../syscalls.ts';
import { endOfTar, padding, type TarEntry, tarHeader } from './tar-entry.ts';

export interface Owner {
  uid: number;
  gid: number;
}

/** What a container wrote above its image. */
export interface UpperLayer {
  /** The upper directory of its overlay mount. */
  directory: string;
  /** Whether a path, without a leading slash, is no part of the layer. */
  isLeftOut(path: string): boolean;
  /** An owner on this host as the container sees it. */
  ownerInside(owner: Owner): Owner;
}

const chunkBytes = 256 * 1024;
const openDirectory = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** A pipe or device that takes the file's place must not hold the reader. */
const openFile = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const { S_IFMT, S_IFREG, S_IFDIR, S_IFLNK, S_IFCHR, S_IFBLK, S_IFIFO } = constants;

/**
 * The layer as a tar (image-spec layer.md), its entries sorted by name. Sockets are left out, as tar has none. The container
 * may go on: what it removes meanwhile is left out, what it appends to a file isn't read, and a file that gets shorter
 * while it is read ends this with ABORTED. No symbolic link of the container's is followed, even one it puts in the way.
 */
export async function* upperLayerTar(layer: UpperLayer): AsyncGenerator<Uint8Array> {
  yield* new Walk(layer).directory(layer.directory, '');
  yield endOfTar;
}

class Walk {
  readonly #layer: UpperLayer;
  /** Where a file with several names was first. */
  readonly #linked = new Map<string, string>();

  constructor(layer: UpperLayer) {
    this.#layer = layer;
  }

  /** What lies in a directory, reached through its open descriptor: its name may lead elsewhere by then. */
  async *directory(at: string, path: string): AsyncGenerator<Uint8Array> {
    const descriptor = present(() => openSync(at, openDirectory));
    if (descriptor === undefined) return;
    try {
      const inside = `/proc/self/fd/${descriptor}`;
      for (const name of readdirSync(inside, { encoding: 'buffer' }).toSorted(Buffer.compare)) {
        const below = join(path, decoded(name, path));
        if (!this.#layer.isLeftOut(below)) yield* this.#entry(`${inside}/${decoded(name, path)}`, below);
      }
    } finally {
      closeSync(descriptor);
    }
  }

  async *#entry(at: string, path: string): AsyncGenerator<Uint8Array> {
    const stats = present(() => lstatSync(at, { bigint: true }));
    if (!stats) return;
    const mode = Number(stats.mode);
    if ((mode & S_IFMT) === S_IFCHR && stats.rdev === 0n) return yield tarHeader(marker(whiteoutOf(path)));
    const common = this.#common(at, path, stats);
    if (!common) return;
    switch (mode & S_IFMT) {
      case S_IFDIR:
        yield tarHeader({ ...common, name: `${path}/`, type: 'directory' });
        if (present(() => isOpaque(at))) yield tarHeader(marker(join(path, '.wh..wh..opq')));
        return yield* this.directory(at, path);
      case S_IFREG:
        return yield* this.#file(at, path, stats, common);
      case S_IFLNK:
        return yield* this.#symlink(at, path, stats, common);
      case S_IFCHR:
        return yield* this.#linkOr(path, stats, { ...common, type: 'character-device', ...splitDeviceNumber(stats.rdev) });
      case S_IFBLK:
        return yield* this.#linkOr(path, stats, { ...common, type: 'block-device', ...splitDeviceNumber(stats.rdev) });
      case S_IFIFO:
        return yield* this.#linkOr(path, stats, { ...common, type: 'fifo' });
    }
  }

  /** Undefined for what is gone meanwhile. */
  #common(at: string, path: string, stats: BigIntStats): Omit<TarEntry, 'type'> | undefined {
    if (path.slice(path.lastIndexOf('/') + 1).startsWith('.wh.')) {
      throw refused(path, 'its name begins with ".wh.", by which a layer says what it removes', 'rename it');
    }
    const extended = present(() => extendedOf(at, path));
    if (!extended) return undefined;
    const { uid, gid } = this.#layer.ownerInside({ uid: Number(stats.uid), gid: Number(stats.gid) });
    return { name: path, mode: Number(stats.mode) & 0o7777, uid, gid, size: 0, modified: stats.mtimeNs, extended };
  }

  *#symlink(at: string, path: string, stats: BigIntStats, common: Omit<TarEntry, 'type'>): Generator<Uint8Array> {
    const linkname = present(() => readlinkSync(at));
    if (linkname !== undefined) yield* this.#linkOr(path, stats, { ...common, type: 'symlink', linkname });
  }

  /** The entry, or a hard link to the name by which its file is in the tar already. */
  *#linkOr(path: string, stats: BigIntStats, entry: TarEntry): Generator<Uint8Array> {
    const first = this.#firstName(path, stats);
    yield tarHeader(first === undefined ? entry : { ...entry, type: 'hard-link', linkname: first, size: 0, extended: [] });
  }

  #firstName(path: string, { nlink, dev, ino }: BigIntStats): string | undefined {
    if (nlink < 2n) return undefined;
    const file = `${dev}:${ino}`;
    const first = this.#linked.get(file);
    if (first === undefined) this.#linked.set(file, path);
    return first;
  }

  async *#file(at: string, path: string, stats: BigIntStats, common: Omit<TarEntry, 'type'>): AsyncGenerator<Uint8Array> {
    const file = await open(at, openFile).catch(gone);
    if (!file) return;
    try {
      const { ino, dev } = await file.stat({ bigint: true });
      // The container has put another file in its place.
      if (ino !== stats.ino || dev !== stats.dev) return yield* this.#entry(at, path);
      const size = Number(stats.size);
      const first = this.#firstName(path, stats);
      if (first !== undefined) return yield tarHeader({ ...common, type: 'hard-link', linkname: first, extended: [] });
      yield tarHeader({ ...common, type: 'file', size });
      yield* content(file, size, path);
      yield padding(size);
    } finally {
      await file.close();
    }
  }
}

async function* content(file: FileHandle, size: number, path: string): AsyncGenerator<Uint8Array> {
  for (let position = 0; position < size; ) {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(Math.min(chunkBytes, size - position)), { position });
    if (bytesRead === 0) throw changed(path);
    yield buffer.subarray(0, bytesRead);
    position += bytesRead;
  }
}

/** An entry that only its name makes mean something. */
function marker(name: string): TarEntry {
  return { name, type: 'file', mode: 0o600, uid: 0, gid: 0, size: 0, modified: 0n };
}

function whiteoutOf(path: string): string {
  const slash = path.lastIndexOf('/') + 1;
  return `${path.slice(0, slash)}.wh.${path.slice(slash)}`;
}

/** Attributes that a layer carries. What overlayfs notes of renamed directories and copied metadata means content that lies in other layers. */
function extendedOf(at: string, path: string): [string, Uint8Array][] {
  const names = syscalls().listAttributes(at);
  const elsewhere = names.find((name) => name === 'trusted.overlay.redirect' || name === 'trusted.overlay.metacopy');
  if (elsewhere)
    throw refused(path, `overlayfs keeps its content in a layer below (${elsewhere})`, 'turn redirect_dir and metacopy of overlayfs off');
  return names
    .filter((name) => name.startsWith('user.') || name === capability)
    .flatMap((name): [string, Uint8Array][] => {
      const value = syscalls().getAttribute(at, name);
      return value ? [[name, name === capability ? withoutRootId(value) : value]] : [];
    });
}

const capability = 'security.capability';
/** struct vfs_ns_cap_data (linux/capability.h): revision 3 is revision 2 with the id of the user namespace's root at its end. */
const revision2Bytes = 20;
const revision2 = 0x02;

function withoutRootId(value: Uint8Array): Uint8Array {
  if (value.length <= revision2Bytes) return value;
  const without = Buffer.from(value.subarray(0, revision2Bytes));
  without[3] = revision2;
  return without;
}

function isOpaque(at: string): boolean {
  return syscalls().getAttribute(at, 'trusted.overlay.opaque')?.[0] === 'y'.charCodeAt(0);
}

/** Undefined where the container has removed it meanwhile, or put something else in its place. */
function present<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    return gone(error as NodeJS.ErrnoException);
  }
}

function gone(error: NodeJS.ErrnoException): undefined {
  if (['ENOENT', 'ELOOP', 'ENOTDIR', 'EINVAL', 'NOT_FOUND'].includes(error.code ?? '')) return undefined;
  throw error;
}

function decoded(name: Buffer, directory: string): string {
  const text = name.toString();
  if (Buffer.from(text).equals(name)) return text;
  throw refused(join(directory, text), 'its name is no UTF-8', 'rename it');
}

function join(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`;
}

function refused(path: string, why: string, hint: string): PluginError {
  return new PluginError('FAILED_PRECONDITION', `no layer can hold /${path}: ${why}`, { hint: `${hint}, and commit again` });
}

function changed(path: string): PluginError {
  return new PluginError('ABORTED', `/${path} changed while it was read`, { hint: 'commit again, or when the container has ended' });
}
