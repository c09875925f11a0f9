// The file system that a virtual machine starts with: init, busybox, crun with its libraries, drivers. What is large comes
// over the share instead, where only what is used of it takes the guest's memory.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { command } from '../command.mjs';
import { root, toolsDirectory } from '../paths.mjs';
import { SetupError } from '../setup-error.mjs';
import { cpioArchive } from './cpio.mjs';
import { writeModules } from './kernel.mjs';

/** The guest's first program, and by whose changes the file system has to be made anew. */
export const init = join(root, 'plugins/runtime-vm/guest/init');

/** Commands of init and of the agent; containers have their own. */
const applets = ['cat', 'chroot', 'insmod', 'ip', 'mkdir', 'mount', 'reboot', 'sh', 'sync'];

/** Debian's kernel has them as modules. */
const drivers = ['virtio_pci', 'virtio_console', 'virtiofs', 'virtio_net'];

const folders = ['bin', 'dev', 'lib', 'lib/x86_64-linux-gnu', 'lib64', 'modules', 'newroot', 'proc', 'run', 'share', 'sys', 'tmp'];

/**
 * @param {{ modules: string, agent: string, output: string }} paths `agent` is only asked for the libraries that it needs
 */
export async function buildInitramfs({ modules, agent, output }) {
  const directory = `${output}.modules`;
  mkdirSync(directory, { recursive: true });
  try {
    const loaded = writeModules(modules, drivers, directory);
    writeFileSync(join(directory, 'order'), loaded.map((name) => `${name}\n`).join(''));
    const crun = join(toolsDirectory, 'crun');
    const libraries = new Map([...(await librariesOf(crun)), ...(await librariesOf(agent))]);
    const archive = cpioArchive([
      ...folders.map(folder),
      // What init and the agent say goes there: the kernel opens it before anything is mounted.
      { path: 'dev/console', kind: 'character', device: [5, 1] },
      file('init', init),
      file('bin/busybox', join(toolsDirectory, 'busybox')),
      ...applets.map(applet),
      file('bin/crun', crun),
      // Static: it becomes the first process in an empty root.
      file('bin/catatonit', join(toolsDirectory, 'catatonit')),
      ...[...libraries].map(([name, source]) => file(placeOf(name), source)),
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

/** @returns {Promise<Map<string, string>>} the loader and the libraries of a program of this machine, by file name */
async function librariesOf(program) {
  const listed = await command('ldd', [program], { env: { LC_ALL: 'C' } });
  const lost = /^\s*(\S+) => not found/m.exec(listed)?.[1];
  if (lost !== undefined) throw new SetupError(`${program} lacks ${lost}`);
  const paths = [...listed.matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm)].map(([, path]) => path);
  return new Map(paths.map((path) => [basename(path), path]));
}

/** Where the loader, whose path is written into each program, and its default search find them. */
function placeOf(name) {
  return name.startsWith('ld-linux') ? `lib64/${name}` : `lib/x86_64-linux-gnu/${name}`;
}
