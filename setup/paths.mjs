// Where set-up reads from and writes to. All that it makes is in .cache, node_modules and the ignored gen and dist folders.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout. */
export const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');

export const cache = join(root, '.cache');
export const nodeDirectory = join(cache, 'node');
export const node = join(nodeDirectory, 'bin', 'node');
export const npmCli = join(nodeDirectory, 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js');

/** Programs of the host or of Debian's packages, as links or wrappers; first on the PATH of all that set-up starts. */
export const toolsDirectory = join(cache, 'bin');
/** Debian's packages, unpacked. */
export const debianDirectory = join(cache, 'debian');
/** Our CNI plugins as executables. */
export const cniDirectory = join(cache, 'cni', 'bin');
/** All of those plugins in one program. */
export const cniProgram = join(cniDirectory, 'berth-cni');
/** What a virtual machine boots: kernel, initial root file system, agent. */
export const guestDirectory = join(cache, 'guest');
/** What the test guest boots: a Debian with systemd, its initial root file system. */
export const testGuestDirectory = join(cache, 'test-guest');
/** The image that the examples use. */
export const exampleImage = join(cache, 'images', 'busybox.tar');

/** @param {string} [path] @returns {string} the PATH for what runs on this set-up */
export function pathWithTools(path = process.env.PATH ?? '') {
  return [toolsDirectory, join(nodeDirectory, 'bin'), path].join(':');
}
