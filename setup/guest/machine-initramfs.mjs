// The file system that a pod's machine starts with: init, busybox, crun with its libraries, drivers. What is large comes
// over the share instead, where only what is used of it takes the guest's memory.
import { basename, join } from 'node:path';
import { command } from '../command.mjs';
import { root, toolsDirectory } from '../paths.mjs';
import { SetupError } from '../setup-error.mjs';
import { writeInitramfs } from './initramfs.mjs';

/** The guest's first program, and by whose changes the file system has to be made anew. */
export const init = join(root, 'plugins/runtime-vm/guest/init');

/** Commands of init and of the agent; containers have their own. */
const applets = ['cat', 'chroot', 'insmod', 'ip', 'mkdir', 'mount', 'reboot', 'sh', 'sync'];

/** Debian's kernel has them as modules. */
const drivers = ['virtio_pci', 'virtio_console', 'virtiofs', 'virtio_net'];

const folders = ['lib', 'lib/x86_64-linux-gnu', 'lib64', 'newroot', 'proc', 'run', 'share', 'sys', 'tmp'];

/**
 * @param {{ modules: string, agent: string, output: string }} paths `agent` is only asked for the libraries that it needs
 */
export async function buildMachineInitramfs({ modules, agent, output }) {
  const crun = join(toolsDirectory, 'crun');
  const libraries = new Map([...(await librariesOf(crun)), ...(await librariesOf(agent))]);
  const files = new Map([
    ['bin/crun', crun],
    // Static: it becomes the first process in an empty root.
    ['bin/catatonit', join(toolsDirectory, 'catatonit')],
    ...[...libraries].map(([name, source]) => /** @type {[string, string]} */ ([placeOf(name), source])),
  ]);
  writeInitramfs(output, { init, folders, applets, modules, drivers, files });
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
