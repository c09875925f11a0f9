// npm run clauses: writes the tables of each protocol's clauses and their cases into packages/conformance/README.md.
import { join } from 'node:path';
import { foreground } from './foreground.mjs';
import { node, root } from './paths.mjs';
import { reportFailure } from './report-failure.mjs';
import { setUp } from './set-up.mjs';

async function clauses() {
  await setUp({ tests: true, containers: false });
  return foreground(node, ['--conditions=berth-source', join(root, 'packages/conformance/trace-clauses.mjs')]);
}

try {
  process.exitCode = await clauses();
} catch (error) {
  reportFailure(error);
}
