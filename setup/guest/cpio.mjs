// Archives in the "newc" format, which the kernel unpacks as its initial root file system (kernel, early-userspace/buffer-format).
import { readFileSync } from 'node:fs';

const kinds = { character: 0o020000, directory: 0o040000, file: 0o100000, link: 0o120000 };

/**
 * @typedef {object} Entry
 * @property {string} path without a leading slash; folders come before what is in them
 * @property {'character' | 'directory' | 'file' | 'link'} kind
 * @property {string} [source] the file to be read
 * @property {string} [target] where the link points
 * @property {[number, number]} [device] major and minor number
 */

/** @param {Entry[]} entries @returns {Buffer} the archive; everything in it is root's, 0755 */
export function cpioArchive(entries) {
  const parts = entries.flatMap((entry, index) => member(entry, contentOf(entry), index + 1));
  return Buffer.concat([...parts, ...member({ path: 'TRAILER!!!', kind: 'file' }, Buffer.alloc(0), 0)]);
}

/** @param {Entry} entry */
function contentOf({ source, target = '' }) {
  return source === undefined ? Buffer.from(target) : readFileSync(source);
}

/** @param {Entry} entry @param {Buffer} content @param {number} inode */
function member({ path, kind, device = [0, 0] }, content, inode) {
  const name = Buffer.from(`${path}\0`);
  const mode = kinds[kind] | 0o755;
  // inode, mode, uid, gid, links, mtime, size, device and special device as two numbers each, name's size, checksum.
  const fields = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, ...device, name.length, 0];
  const header = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`);
  return [aligned(Buffer.concat([header, name])), aligned(content)];
}

/** To the next multiple of four bytes. */
function aligned(buffer) {
  return Buffer.concat([buffer, Buffer.alloc((4 - (buffer.length % 4)) % 4)]);
}
