// The arrows between packages, by dependency-cruiser. Without a TypeScript compiler it can use, it finds no module and no
// violation either: so it is checked that it saw every source.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../paths.mjs';
import { runScript } from './check.mjs';

const folders = ['packages', 'plugins'];

/** @type {import('./run-phase.mjs').Phase} */
export const layering = {
  name: 'layering',
  async run() {
    const cruiser = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');
    const { stdout, output } = await runScript([cruiser, '--output-type', 'json', ...folders]);
    const cruised = parse(stdout);
    if (!cruised) return failed(output);
    const seen = new Set(cruised.modules.map(({ source }) => source));
    const unseen = sources().filter((path) => !seen.has(path));
    if (unseen.length > 0) return failed(`layering: dependency-cruiser didn't look at ${unseen.join(', ')}`);
    const errors = cruised.summary.violations.filter(({ rule }) => rule.severity === 'error');
    return errors.length > 0 ? failed(errors.map(describe).join('\n')) : { passed: 1, failed: 0, skipped: [] };
  },
};

/** @returns {string[]} the files that must be looked at, as dependency-cruiser names them */
function sources() {
  const roots = folders.flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(folder, name, 'src')));
  return roots
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) => readdirSync(join(root, folder), { recursive: true }).map((path) => join(folder, path)))
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts') && !path.includes('/gen/'));
}

function parse(json) {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function describe({ from, to, rule }) {
  return `layering: ${from} imports ${to}, against "${rule.name}"`;
}

function failed(output) {
  return { passed: 0, failed: 1, skipped: [], output };
}
