// What `npm test` and `npm run test:long` check, in their order: the quick checks first.
import { join } from 'node:path';
import { root } from '../paths.mjs';
import { checkPhase } from './check.mjs';
import { layering } from './layering.mjs';
import { licences } from './licences.mjs';
import { vitestPhase } from './vitest.mjs';

const module = (...path) => join(root, 'node_modules', ...path);

/** @param {{ long: boolean, filters: string[] }} options @returns {import('./run-phase.mjs').Phase[]} */
export function phasesFor({ long, filters }) {
  if (long) return [vitestPhase('long', filters)];
  return [
    checkPhase('lint and format', [module('@biomejs/biome/bin/biome'), 'check', '--error-on-warnings']),
    checkPhase('promises', [module('oxlint/bin/oxlint'), '--type-aware', 'packages', 'plugins', 'test', 'examples']),
    checkPhase('types', [module('tsc7/bin/tsc'), '--build', 'tsconfig.json']),
    layering,
    licences,
    ...['unit', 'conformance', 'e2e'].map((project) => vitestPhase(project, filters)),
  ];
}
