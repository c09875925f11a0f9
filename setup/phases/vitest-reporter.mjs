// Counts for `npm test`, with the reason of every failed and every skipped test. Vitest loads it, on Node 24.
import { writeFileSync } from 'node:fs';

export default class OutcomeReporter {
  /**
   * @param {readonly import('vitest/node').TestModule[]} modules
   * @param {readonly unknown[]} unhandledErrors
   */
  onTestRunEnd(modules, unhandledErrors) {
    const outcome = { passed: 0, failures: unhandledErrors.map((error) => failure('outside every test', [error])), skipped: [] };
    for (const module of modules) count(module, outcome);
    writeFileSync(process.env.BERTH_TEST_OUTCOME, JSON.stringify({ ...outcome, failed: outcome.failures.length }));
  }
}

function count(module, outcome) {
  // A file that can't be loaded, or whose hooks fail, has an error of its own.
  if (module.errors().length > 0) outcome.failures.push(failure(module.relativeModuleId, module.errors()));
  for (const suite of module.children.allSuites()) {
    if (suite.errors().length > 0) outcome.failures.push(failure(`${module.relativeModuleId} > ${suite.fullName}`, suite.errors()));
  }
  for (const test of module.children.allTests()) {
    const result = test.result();
    const name = `${module.relativeModuleId} > ${test.fullName}`;
    if (result.state === 'passed') outcome.passed++;
    else if (result.state === 'failed') outcome.failures.push(failure(name, result.errors));
    else outcome.skipped.push({ test: name, reason: result.note ?? reasonIn(test.fullName) });
  }
}

/** @param {string} test @param {readonly { message?: string }[]} errors */
function failure(test, errors) {
  return { test, reason: errors.map(({ message }) => message?.split('\n')[0] ?? 'no message').join('; ') };
}

/** What a condition skips before the test runs can give no note: such a suite or test has its reason in brackets in its name. */
function reasonIn(name) {
  return /\(([^()]+)\)/.exec(name)?.[1] ?? 'no reason given';
}
