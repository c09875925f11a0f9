// The kernel that virtual machines boot, of Debian's package: the unpacked one, or one that the host has installed.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { debianDirectory } from '../paths.mjs';
import { SetupError } from '../setup-error.mjs';

/** @returns {{ image: string, modules: string } | undefined} paths of the kernel and of its folder of modules */
export function findKernel() {
  for (const root of [debianDirectory, '/']) {
    const boot = join(root, 'boot');
    const names = existsSync(boot) ? readdirSync(boot) : [];
    const release = names.find((name) => /^vmlinuz-.*-cloud-amd64$/.test(name))?.slice('vmlinuz-'.length);
    if (release !== undefined) return { image: join(boot, `vmlinuz-${release}`), modules: join(root, 'lib', 'modules', release) };
  }
  return undefined;
}

/**
 * Writes drivers, and the modules that they need, uncompressed, into a folder.
 * @param {string} modules the kernel's
 * @param {string[]} drivers
 * @param {string} target
 * @returns {string[]} their files in the order in which they have to be loaded
 */
export function writeModules(modules, drivers, target) {
  const files = new Map(
    readdirSync(modules, { recursive: true })
      .map(String)
      .filter((path) => /\.ko(\.xz)?$/.test(path))
      .map((path) => [moduleName(path), join(modules, path)]),
  );
  const loaded = new Set();
  const load = (name) => {
    // Some kernels have it built in.
    const file = files.get(name);
    if (file === undefined || loaded.has(name)) return;
    const content = readModule(file);
    for (const dependency of dependenciesOf(content)) load(dependency);
    writeFileSync(join(target, `${name}.ko`), content);
    loaded.add(name);
  };
  for (const driver of drivers) load(driver);
  return [...loaded].map((name) => `${name}.ko`);
}

function moduleName(path) {
  return basename(path)
    .replace(/\.ko(\.xz)?$/, '')
    .replaceAll('-', '_');
}

function readModule(file) {
  if (!file.endsWith('.xz')) return readFileSync(file);
  const { status, stdout, error } = spawnSync('xz', ['--decompress', '--stdout', file], { maxBuffer: 64 * 1024 * 1024 });
  if (status === 0) return stdout;
  throw new SetupError(`${file} can't be decompressed: ${error?.message ?? `xz ended with ${status}`}; install xz-utils`);
}

/** @param {Buffer} content a module's @returns {string[]} as it says itself in its .modinfo section */
export function dependenciesOf(content) {
  const [, list = ''] = /\0depends=([^\0]*)\0/.exec(content.toString('latin1')) ?? [];
  return list
    .split(',')
    .filter(Boolean)
    .map((name) => name.replaceAll('-', '_'));
}
