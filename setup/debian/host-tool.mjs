// Finds the programs that the host has itself.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { toolsDirectory } from '../paths.mjs';

/** An ordinary user's PATH lacks them, but the node runs as root; virtiofsd is in no directory of any PATH. */
const systemDirectories = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/lib/qemu', '/usr/libexec'];

/** @param {string} name @returns {string | undefined} the host's own program, those that set-up unpacked left out */
export function findOnHost(name) {
  const directories = [...(process.env.PATH ?? '').split(delimiter), ...systemDirectories];
  return directories
    .filter((directory) => directory.startsWith('/') && directory !== toolsDirectory)
    .map((directory) => join(directory, name))
    .find(isExecutable);
}

/** @param {import('./tool-table.mjs').Tool} tool @returns {string | undefined} the host's program, if it will do */
export function suitableOnHost(tool) {
  const path = findOnHost(tool.name);
  if (path === undefined) return undefined;
  if (tool.static && !isStatic(path)) return undefined;
  return tool.minimum === undefined || isAtLeast(versionOf(path, tool.versionArgs ?? ['--version']), tool.minimum) ? path : undefined;
}

/** @param {string} name @returns {string} changes when another program is found or the found one is replaced */
export function fingerprint(name) {
  const path = findOnHost(name);
  if (path === undefined) return '';
  const { size, mtimeMs } = statSync(path);
  return `${path} ${size} ${mtimeMs}`;
}

/** @param {string | undefined} version @param {string} minimum both as dotted numbers */
export function isAtLeast(version, minimum) {
  if (version === undefined) return false;
  const [have, want] = [version, minimum].map((text) => text.split('.').map(Number));
  const differs = want.findIndex((part, index) => (have[index] ?? 0) !== part);
  return differs < 0 || (have[differs] ?? 0) > want[differs];
}

function versionOf(path, args) {
  const { stdout, stderr } = spawnSync(path, args, { encoding: 'utf8', timeout: 10_000 });
  return /\d+(\.\d+)+/.exec(`${stdout}${stderr}`)?.[0];
}

function isStatic(path) {
  const { stdout, stderr } = spawnSync('ldd', [path], { encoding: 'utf8', timeout: 10_000 });
  return /not a dynamic executable|statically linked/.test(`${stdout}${stderr}`);
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
