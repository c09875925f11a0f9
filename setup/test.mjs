// npm test [-- FILTER...]: set-up, then every check, a line for each. The last lines of all are what failed, and the count.
import { phasesFor } from './phases/phases.mjs';
import { failureLines, runPhase } from './phases/run-phase.mjs';
import { reportFailure } from './report-failure.mjs';
import { setUp } from './set-up.mjs';

const args = process.argv.slice(2);
const long = args.includes('--long');
const filters = args.filter((arg) => arg !== '--long');

async function main() {
  await setUp({ tests: true });
  const total = { passed: 0, failed: 0, skipped: 0 };
  const failures = [];
  for (const phase of phasesFor({ long, filters })) {
    const outcome = await runPhase(phase, process.stdout);
    total.passed += outcome.passed;
    total.failed += outcome.failed;
    total.skipped += outcome.skipped.length;
    failures.push(...failureLines(phase, outcome));
  }
  for (const line of failures) process.stdout.write(`${line}\n`);
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
  process.stdout.write(`${total.passed} passed, ${total.failed} failed${skipped}\n`);
  process.exitCode = total.failed > 0 ? 1 : 0;
}

await main().catch(reportFailure);
