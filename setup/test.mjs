// npm test [-- FILTER...]: set-up, then every check, a line for each. The last line of all is the count.
import { phasesFor } from './phases/phases.mjs';
import { runPhase } from './phases/run-phase.mjs';
import { reportFailure } from './report-failure.mjs';
import { setUp } from './set-up.mjs';

const args = process.argv.slice(2);
const long = args.includes('--long');
const filters = args.filter((arg) => arg !== '--long');

async function main() {
  await setUp({ tests: true });
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const phase of phasesFor({ long, filters })) {
    const { passed, failed, skipped } = await runPhase(phase, process.stdout);
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped.length;
  }
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
  process.stdout.write(`${total.passed} passed, ${total.failed} failed${skipped}\n`);
  process.exitCode = total.failed > 0 ? 1 : 0;
}

await main().catch(reportFailure);
