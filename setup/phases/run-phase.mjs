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
 * What failed in a phase, to be told once more below all that the phases have printed.
 * @param {Phase} phase @param {Outcome} outcome @returns {string[]} a line for each failure
 */
export function failureLines({ name }, { failed, failures = [], output = '' }) {
  const told = failures.map(({ test, reason }) => `failed   ${name}: ${test}: ${reason}`);
  return failed > told.length ? [...told, `failed   ${name}: ${output.trim().split('\n')[0]}`] : told;
}
