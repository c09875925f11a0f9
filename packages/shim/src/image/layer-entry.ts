import { PluginError } from '@berth/sdk/errors';
import { quoted } from '@berth/sdk/quoted';
import type { TarHeader } from './tar-header.ts';

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
/** Of Linux, in bytes (limits.h: NAME_MAX, PATH_MAX with its NUL). */
const longestName = 255;
const longestPath = 4095;
/** The last second that ext4 can store. What is before 1970 Node can't set, and containerd doesn't either. */
const latestTime = 2 ** 34 - 2 ** 31 - 1;

/** Reads a tar header as an entry of an image layer (image-spec layer.md). Throws INVALID_ARGUMENT that names an entry no layer may hold. */
export function readEntry(header: TarHeader): LayerEntry {
  const path = insidePath(header.name, header.name);
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (name.startsWith(whiteoutPrefix)) return readWhiteout(header.name, path, name);

  switch (header.type) {
    case 'directory':
      return { kind: 'directory', path, ...attributesOf(header) };
    case 'file':
      return { kind: 'file', path: below(path, header), size: header.size, ...attributesOf(header) };
    case 'symlink':
      return { kind: 'symlink', path: below(path, header), target: symlinkTarget(header), ...attributesOf(header) };
    case 'hard-link':
      return { kind: 'hard-link', path: below(path, header), target: insidePath(header.target, header.name) };
    case 'block-device':
    case 'character-device':
    case 'fifo':
      return {
        kind: 'node',
        path: below(path, header),
        type: header.type,
        major: header.major,
        minor: header.minor,
        ...attributesOf(header),
      };
  }
}

const cure = 'build the image again with a tool that keeps to the OCI image specification';

export function refusal(name: string, reason: string, hint = cure): PluginError {
  return new PluginError('INVALID_ARGUMENT', `entry ${quoted(name)}: ${reason}`, {
    hint,
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
  if (path.startsWith('/')) throw refusal(entry, `the path ${quoted(path)} is absolute`);
  if (path.includes('\0')) throw refusal(entry, 'a path has a NUL character');
  if (Buffer.byteLength(path) > longestPath) throw refusal(entry, `a path has more than ${longestPath} bytes`);
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw refusal(entry, `the path ${quoted(path)} leads outside the layer`);
  if (parts.some((part) => Buffer.byteLength(part) > longestName)) throw refusal(entry, `a name has more than ${longestName} bytes`);
  return parts.join('/');
}

function symlinkTarget({ name, target }: TarHeader): string {
  if (target === '') throw refusal(name, 'it is a symbolic link to nothing');
  if (target.includes('\0')) throw refusal(name, 'its target has a NUL character');
  if (Buffer.byteLength(target) > longestPath) throw refusal(name, `its target has more than ${longestPath} bytes`);
  return target;
}

function below(path: string, header: TarHeader): string {
  if (path === '') throw refusal(header.name, `the layer's root must be a directory, not a ${header.type}`);
  return path;
}

function attributesOf({ name, mode, uid, gid, modified, extended }: TarHeader): Attributes {
  return {
    mode,
    uid: idOf(name, uid),
    gid: idOf(name, gid),
    modified: Math.min(Math.max(modified || 0, 0), latestTime),
    extended: [...extended].filter(([attribute]) => isSettable(attribute)),
  };
}

/** The highest one stands for "no change" in chown(2). */
function idOf(entry: string, id: number): number {
  if (Number.isInteger(id) && id >= 0 && id < 0xffff_ffff) return id;
  throw refusal(entry, `its owner ${id} is none that a file can have`);
}

/** `trusted.` ones stay out: by them a layer could direct overlayfs. */
function isSettable(attribute: string): boolean {
  return attribute.startsWith('user.') || attribute === 'security.capability';
}
