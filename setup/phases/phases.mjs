// What `npm test` and `npm run test:long` check, in their order: the quick checks first.
import { join } from 'node:path';
import { root } from '../paths.mjs';
import { checkPhase } from './check.mjs';
import { layering } from './layering.mjs';
import { licences } from './licences.mjs';
import { canMakeTestHosts } from './test-host.mjs';
import { vitestPhase } from './vitest.mjs';

const module = (...path) => join(root, 'node_modules', ...path);

/**
 * One after the other; the lanes of an array beside each other.
 * @param {{ long: boolean, filters: string[] }} options @returns {Promise<(Phase | Phase[][])[]>}
 * @typedef {import('./run-phase.mjs').Phase} Phase
 */
export async function phasesFor({ long, filters }) {
  if (long) return [vitestPhase('long', filters)];
  return [
    checkPhase('lint and format', [module('@biomejs/biome/bin/biome'), 'check', '--error-on-warnings']),
    checkPhase('promises', [module('oxlint/bin/oxlint'), '--type-aware', 'packages', 'plugins', 'test', 'examples']),
    checkPhase('types', [module('tsc7/bin/tsc'), '--build', 'tsconfig.json']),
    layering,
    licences,
    ...(await testPhases(filters)),
  ];
}

/** Tests of whole nodes wait more than they compute: they have others beside them, where each project can have a host of its own. @param {string[]} filters */
async function testPhases(filters) {
  if (!(await canMakeTestHosts())) return ['unit', 'conformance', 'interop', 'e2e'].map((project) => vitestPhase(project, filters));
  const beside = [
    vitestPhase('conformance', filters, { network: 'own', held: true }),
    vitestPhase('interop', filters, { network: 'shared', held: true }),
  ];
  return [vitestPhase('unit', filters), [[vitestPhase('e2e', filters, { network: 'own' })], beside]];
}
