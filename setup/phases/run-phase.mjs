/**
 * What a phase found. A phase without tests of its own counts as one test.
 * @typedef {object} Outcome
 * @property {number} passed
 * @property {number} failed
 * @property {{ test: string, reason: string }[]} [failures] the failed tests, where the phase has tests of its own
 * @property {{ test: string, reason: string }[]} skipped
 * @property {string} [output] what explains a failure, where it hasn't been shown yet
 */

/**
 * @typedef {object} Phase
 * @property {string} name
 * @property {() => Promise<Outcome>} run
 */

/**
 * Runs one phase and says how it went. A phase that can't be run has failed.
 * @param {Phase} phase @param {NodeJS.WritableStream} output @returns {Promise<Outcome>}
 */
export async function runPhase(phase, output) {
  const started = Date.now();
  const outcome = await phase.run().catch((error) => ({ passed: 0, failed: 1, skipped: [], output: error.message }));
  if (outcome.output) output.write(`${outcome.output.trimEnd()}\n`);
  for (const { test, reason } of outcome.skipped) output.write(`skipped  ${test}: ${reason}\n`);
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  const counts = `${outcome.passed} passed, ${outcome.failed} failed, ${outcome.skipped.length} skipped`;
  output.write(`${outcome.failed > 0 ? 'failed ' : 'ok     '}  ${phase.name}, ${seconds} s: ${counts}\n`);
  return outcome;
}

/**
 * Runs phases one after the other, and ends with a line for each failure once more, and one of what they come to together. An array's lanes run
 * beside each other, the phases of a lane one after the other.
 * @param {(Phase | Phase[][])[]} phases @param {NodeJS.WritableStream} output @returns {Promise<{ passed: number, failed: number, skipped: number }>}
 */
export async function runPhases(phases, output) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  const failures = [];
  /** @param {Phase[]} lane */
  const runLane = async (lane) => {
    for (const phase of lane) {
      const outcome = await runPhase(phase, output);
      total.passed += outcome.passed;
      total.failed += outcome.failed;
      total.skipped += outcome.skipped.length;
      failures.push(...failureLines(phase, outcome));
    }
  };
  for (const step of phases) await Promise.all((Array.isArray(step) ? step : [[step]]).map(runLane));
  for (const line of failures) output.write(`${line}\n`);
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
  output.write(`${total.passed} passed, ${total.failed} failed${skipped}\n`);
  return total;
}

/**
 * What failed in a phase.
 * @param {Phase} phase @param {Outcome} outcome @returns {string[]} a line for each failure
 */
export function failureLines({ name }, { failed, failures = [], output = '' }) {
  const told = failures.map(({ test, reason }) => `failed   ${name}: ${test}: ${reason}`);
  return failed > told.length ? [...told, `failed   ${name}: ${output.trim().split('\n')[0]}`] : told;
}
