import { PluginError } from '@berth/sdk/errors';
import type { Header } from 'tar-stream';

/** What one tar entry asks for, with its paths checked: relative to the layer's root, no `.`, `..` or empty parts, '' is the root. */
export type LayerEntry =
  /** Hides the path in the layers below. */
  | { kind: 'whiteout'; path: string }
  /** Hides all that the layers below hold in this directory. */
  | { kind: 'opaque'; path: string }
  | ({ kind: 'directory'; path: string } & Attributes)
  | ({ kind: 'file'; path: string; size: number } & Attributes)
  | ({ kind: 'symlink'; path: string; target: string } & Attributes)
  | { kind: 'hard-link'; path: string; target: string }
  | ({ kind: 'node'; path: string; type: 'block-device' | 'character-device' | 'fifo'; major: number; minor: number } & Attributes)
  /** Bookkeeping of other tools, which no file system should show. */
  | { kind: 'ignored' };

export interface Attributes {
  /** Permissions with setuid, setgid and sticky bits. */
  mode: number;
  uid: number;
  gid: number;
  /** Seconds since 1970, with fraction. */
  modified: number;
  /** Extended attributes that a layer may set. */
  extended: [name: string, value: Buffer][];
}

const whiteoutPrefix = '.wh.';
const opaqueMarker = '.wh..wh..opq';

/** Reads a tar header as an entry of an image layer (image-spec layer.md). Throws INVALID_ARGUMENT that names an entry no layer may hold. */
export function readEntry(header: Header): LayerEntry {
  const path = insidePath(header.name, header.name);
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (name.startsWith(whiteoutPrefix)) return readWhiteout(header.name, path, name);

  switch (header.type) {
    case 'directory':
      return { kind: 'directory', path, ...attributesOf(header) };
    case 'file':
    case 'contiguous-file':
      return { kind: 'file', path: below(path, header), size: header.size, ...attributesOf(header) };
    case 'symlink':
      return { kind: 'symlink', path: below(path, header), target: header.linkname, ...attributesOf(header) };
    case 'link':
      return { kind: 'hard-link', path: below(path, header), target: insidePath(header.linkname, header.name) };
    case 'block-device':
    case 'character-device':
    case 'fifo':
      return {
        kind: 'node',
        path: below(path, header),
        type: header.type,
        major: header.devmajor,
        minor: header.devminor,
        ...attributesOf(header),
      };
    default:
      throw refusal(header.name, `its type ${JSON.stringify(header.type)} is none that a layer may hold`);
  }
}

export function refusal(name: string, reason: string): PluginError {
  return new PluginError('INVALID_ARGUMENT', `entry ${JSON.stringify(name)}: ${reason}`, {
    hint: 'build the image again with a tool that keeps to the OCI image specification',
  });
}

function readWhiteout(entry: string, path: string, name: string): LayerEntry {
  const directory = path.slice(0, Math.max(path.length - name.length - 1, 0));
  if (name === opaqueMarker) return { kind: 'opaque', path: directory };
  if (name.startsWith('.wh..wh.')) return { kind: 'ignored' };
  const hidden = name.slice(whiteoutPrefix.length);
  if (hidden === '' || hidden === '.' || hidden === '..') throw refusal(entry, 'this whiteout hides no file');
  return { kind: 'whiteout', path: directory ? `${directory}/${hidden}` : hidden };
}

function insidePath(path: string, entry: string): string {
  if (path.startsWith('/')) throw refusal(entry, `the path ${JSON.stringify(path)} is absolute`);
  if (path.includes('\0')) throw refusal(entry, 'a path has a NUL character');
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw refusal(entry, `the path ${JSON.stringify(path)} leads outside the layer`);
  return parts.join('/');
}

function below(path: string, header: Header): string {
  if (path === '') throw refusal(header.name, `the layer's root must be a directory, not a ${header.type}`);
  return path;
}

/** PAX records override the header's fields; tar-stream applies those of names and sizes only. */
function attributesOf(header: Header): Attributes {
  const pax = (header.pax ?? {}) as Record<string, string>;
  return {
    mode: header.mode & 0o7777,
    uid: numberOf(pax.uid) ?? header.uid,
    gid: numberOf(pax.gid) ?? header.gid,
    modified: numberOf(pax.mtime) ?? header.mtime.getTime() / 1000,
    extended: extendedOf(header.name, pax),
  };
}

function numberOf(text: string | undefined): number | undefined {
  const number = Number.parseFloat(text ?? '');
  return Number.isFinite(number) ? number : undefined;
}

const extendedPrefix = 'SCHILY.xattr.';

/** `trusted.` ones stay out: by them a layer could direct overlayfs. */
function extendedOf(entry: string, pax: Record<string, string>): [string, Buffer][] {
  return Object.entries(pax)
    .filter(([key]) => key.startsWith(`${extendedPrefix}user.`) || key === `${extendedPrefix}security.capability`)
    .map(([key, value]) => {
      // tar-stream reads PAX values as UTF-8: one that isn't is already lost here.
      if (value.includes('\ufffd')) throw refusal(entry, `the extended attribute ${key.slice(extendedPrefix.length)} isn't text`);
      return [key.slice(extendedPrefix.length), Buffer.from(value)];
    });
}
