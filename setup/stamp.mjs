// A stamp is a file that says from which inputs something was made; while the inputs are the same there is nothing to do.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cache } from './paths.mjs';

const directory = join(cache, 'stamps');

/** @param {string} name @returns {string | undefined} what was written last */
export function readStamp(name) {
  const path = join(directory, name);
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

/** @param {string} name @param {string} content */
export function writeStamp(name, content) {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, name), content);
}

/** @param {string} name Forgets a stamp before its work is begun, so that work cut short is done again. */
export function removeStamp(name) {
  rmSync(join(directory, name), { force: true });
}

/** @param {string[]} values @returns {string} one hash of them all, in their order */
export function hash(values) {
  const sum = createHash('sha256');
  for (const value of values) sum.update(`${value.length}:`).update(value);
  return sum.digest('hex');
}

/** @param {string[]} paths files, or folders of them @returns {string[]} the paths and contents, for `hash` */
export function contents(paths) {
  return files(paths).flatMap((path) => [path, readFileSync(path, 'latin1')]);
}

/** Tests, generated code and builds are left out: nothing that set-up makes depends on them. */
function files(paths) {
  return paths.flatMap((path) => {
    if (!existsSync(path)) return [];
    if (!statSync(path).isDirectory()) return [path];
    const names = readdirSync(path).filter((name) => !['dist', 'gen', 'node_modules'].includes(name) && !name.endsWith('.test.ts'));
    return files(names.sort().map((name) => join(path, name)));
  });
}
