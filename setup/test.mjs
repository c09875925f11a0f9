// npm test [-- FILTER...]: set-up, then every check, a line for each. The last lines of all are what failed, and the count.
import { phasesFor } from './phases/phases.mjs';
import { runPhases } from './phases/run-phase.mjs';
import { reportFailure } from './report-failure.mjs';
import { setUp } from './set-up.mjs';

const args = process.argv.slice(2);
const long = args.includes('--long');
const filters = args.filter((arg) => arg !== '--long');

async function main() {
  await setUp({ tests: true });
  const { failed } = await runPhases(await phasesFor({ long, filters }), process.stdout);
  process.exitCode = failed > 0 ? 1 : 0;
}

await main().catch(reportFailure);
