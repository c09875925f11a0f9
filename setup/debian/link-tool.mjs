// Puts a program on the PATH of the node: a link if it finds its libraries, so that starting it costs nothing more.
import { existsSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { command } from '../command.mjs';
import { debianDirectory } from '../paths.mjs';
import { SetupError } from '../setup-error.mjs';

const triplet = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' }[process.arch];
const libraries = [join(debianDirectory, 'usr/lib', triplet), join(debianDirectory, 'lib', triplet)];

/** @param {string} path a program of the host @param {string} link */
export function linkHostTool(path, link) {
  symlinkSync(path, link);
}

/**
 * @param {import('./tool-table.mjs').Tool} tool one of the unpacked ones
 * @param {string} link the name to make
 */
export async function linkUnpackedTool(tool, link) {
  const program = unpackedProgram(tool.program ?? tool.name);
  if (program === undefined) throw new SetupError(`Debian's package ${tool.package} holds no program ${tool.program ?? tool.name}`);
  await findLibraries(program);
  if (tool.environment) writeWrapper(link, program, tool.environment);
  else symlinkSync(relative(dirname(link), program), link);
}

/** @param {string} name @returns {string | undefined} where the packages have it */
export function unpackedProgram(name) {
  return ['usr/bin', 'usr/sbin', 'bin', 'sbin', 'usr/lib/qemu']
    .map((folder) => join(debianDirectory, folder, name))
    .find((path) => existsSync(path));
}

/**
 * Writes the folders of unpacked libraries into a program that the host's libraries aren't enough for. LD_LIBRARY_PATH would
 * need a wrapper, and would reach the programs that this one starts.
 */
async function findLibraries(program) {
  if ((await missingLibraries(program)).length === 0) return;
  await command(unpackedProgram('patchelf') ?? 'patchelf', ['--force-rpath', '--set-rpath', libraries.join(':'), program]);
  const missing = await missingLibraries(program);
  if (missing.length > 0) throw new SetupError(`${program} lacks ${missing.join(', ')}, which Debian's packages should have brought`);
}

/** Static programs and scripts make `ldd` fail: they lack nothing. */
async function missingLibraries(program) {
  const listed = await command('ldd', [program], { env: { LC_ALL: 'C' } }).catch(() => '');
  return [...listed.matchAll(/^\s*(\S+) => not found/gm)].map(([, name]) => name);
}

function writeWrapper(link, program, environment) {
  const assignments = Object.entries(environment).map(
    ([name, path]) => `${name}='${join(debianDirectory, path.replace('TRIPLET', triplet))}'`,
  );
  writeFileSync(link, `#!/bin/sh\n${assignments.join(' ')} exec '${program}' "$@"\n`, { mode: 0o755 });
}
