import { createReadStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Header, type Pack, pack } from 'tar-stream';

/** What a layer holds at one path. Paths are written as given, so that a test can make a layer that no unpacker may take. */
export type LayerEntry = Attributes & { path: string } & (
    | { type: 'directory' }
    | { type: 'file'; content: FileContent }
    | { type: 'symlink'; target: string }
    /** `target` is the path of another entry of the layer. */
    | { type: 'hard-link'; target: string }
    | { type: 'character-device' | 'block-device'; major: number; minor: number }
    | { type: 'fifo' }
  );

/** Bytes, a file of this host, or generated chunks that add up to `size` bytes. */
export type FileContent = string | Uint8Array | { file: string; size: number } | { size: number; chunks(): Iterable<Uint8Array> };

interface Attributes {
  /** With setuid, setgid and sticky bits; default 0755 for a directory, 0777 for a symbolic link, 0644 for the rest. */
  mode?: number;
  uid?: number;
  gid?: number;
  /** Default 1970-01-01, so that equal layers have equal digests. */
  modified?: Date;
  /** Extended attributes, whose values have to be UTF-8: `{ 'security.capability': '...' }`. */
  xattrs?: Record<string, string>;
}

const tarTypes = {
  directory: 'directory',
  file: 'file',
  symlink: 'symlink',
  'hard-link': 'link',
  'character-device': 'character-device',
  'block-device': 'block-device',
  fifo: 'fifo',
} as const;

const defaultModes: Partial<Record<LayerEntry['type'], number>> = { directory: 0o755, symlink: 0o777 };

/** The entries as a tar stream, in their order. An error while reading an entry's content destroys the stream. */
export function layerTar(entries: Iterable<LayerEntry>): AsyncIterable<Buffer> {
  const tar = pack();
  writeEntries(tar, entries).then(
    () => tar.finalize(),
    (error: Error) => tar.destroy(error),
  );
  return tar as AsyncIterable<Buffer>;
}

async function writeEntries(tar: Pack, entries: Iterable<LayerEntry>): Promise<void> {
  for (const entry of entries) await writeEntry(tar, entry);
}

async function writeEntry(tar: Pack, entry: LayerEntry): Promise<void> {
  const header = headerOf(entry);
  if (entry.type !== 'file') return written((done) => tar.entry(header, done));
  const { content } = entry;
  if (typeof content === 'string' || content instanceof Uint8Array) {
    return written((done) => tar.entry(header, typeof content === 'string' ? Buffer.from(content) : content, done));
  }
  const source = 'file' in content ? createReadStream(content.file) : content.chunks();
  await pipeline(source, tar.entry({ ...header, size: content.size }) as unknown as Writable);
}

function written(write: (done: (error?: Error | null) => void) => void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  write((error) => (error ? reject(error) : resolve()));
  return promise;
}

function headerOf(entry: LayerEntry): Partial<Header> & { name: string } {
  return {
    name: entry.path,
    type: tarTypes[entry.type],
    mode: entry.mode ?? defaultModes[entry.type] ?? 0o644,
    uid: entry.uid ?? 0,
    gid: entry.gid ?? 0,
    mtime: entry.modified ?? new Date(0),
    ...('target' in entry ? { linkname: entry.target } : {}),
    ...('major' in entry ? { devmajor: entry.major, devminor: entry.minor } : {}),
    ...(entry.xattrs && { pax: paxOf(entry.xattrs) }),
  };
}

/** As GNU tar writes them, and image-spec layer.md wants them. */
function paxOf(xattrs: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(xattrs).map(([name, value]) => [`SCHILY.xattr.${name}`, value]));
}
