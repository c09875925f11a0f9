// The file system that a guest's kernel starts with: an init, busybox for it, drivers, and what else it is given.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toolsDirectory } from '../paths.mjs';
import { cpioArchive } from './cpio.mjs';
import { writeModules } from './kernel.mjs';

/**
 * @param {string} output
 * @param {object} content
 * @param {string} content.init script that is its first program; it loads the modules of /modules in the order of /modules/order
 * @param {string[]} content.folders besides bin, dev and modules; those above others come first
 * @param {string[]} content.applets busybox's, in /bin
 * @param {string} content.modules the kernel's
 * @param {string[]} content.drivers those of them that are needed
 * @param {Map<string, string>} [content.files] more files, by their paths, from the host's paths
 */
export function writeInitramfs(output, { init, folders, applets, modules, drivers, files = new Map() }) {
  const directory = `${output}.modules`;
  mkdirSync(directory, { recursive: true });
  try {
    const loaded = writeModules(modules, drivers, directory);
    writeFileSync(join(directory, 'order'), loaded.map((name) => `${name}\n`).join(''));
    const archive = cpioArchive([
      ...['bin', 'dev', 'modules', ...folders].map(folder),
      // What init and its programs say goes there: the kernel opens it before anything is mounted.
      { path: 'dev/console', kind: 'character', device: [5, 1] },
      file('init', init),
      file('bin/busybox', join(toolsDirectory, 'busybox')),
      ...applets.map(applet),
      ...[...files].map(([path, source]) => file(path, source)),
      ...['order', ...loaded].map((name) => file(`modules/${name}`, join(directory, name))),
    ]);
    writeFileSync(output, archive);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** @returns {import('./cpio.mjs').Entry} */
function folder(path) {
  return { path, kind: 'directory' };
}

/** @returns {import('./cpio.mjs').Entry} */
function file(path, source) {
  return { path, kind: 'file', source };
}

/** @returns {import('./cpio.mjs').Entry} */
function applet(name) {
  return { path: `bin/${name}`, kind: 'link', target: 'busybox' };
}
