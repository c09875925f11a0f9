// The arrows between packages, by dependency-cruiser. Without a TypeScript compiler it can use, it finds no module and no
// violation either: so the modules are counted.
import { join } from 'node:path';
import { root } from '../paths.mjs';
import { runScript } from './check.mjs';

const fewestModules = 50;

/** @type {import('./run-phase.mjs').Phase} */
export const layering = {
  name: 'layering',
  async run() {
    const cruiser = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');
    const { stdout, output } = await runScript([cruiser, '--output-type', 'json', 'packages', 'plugins']);
    const summary = summaryOf(stdout);
    if (!summary) return failed(output);
    if (summary.totalCruised < fewestModules)
      return failed(`layering: only ${summary.totalCruised} modules were seen, so nothing was checked`);
    const errors = summary.violations.filter(({ rule }) => rule.severity === 'error');
    return errors.length > 0 ? failed(errors.map(describe).join('\n')) : { passed: 1, failed: 0, skipped: [] };
  },
};

function summaryOf(json) {
  try {
    return JSON.parse(json).summary;
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
