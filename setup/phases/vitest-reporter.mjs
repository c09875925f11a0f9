// Counts for `npm test`, with the reason of every skipped test. Vitest loads it, on Node 24.
import { writeFileSync } from 'node:fs';

export default class OutcomeReporter {
  /**
   * @param {readonly import('vitest/node').TestModule[]} modules
   * @param {readonly unknown[]} unhandledErrors
   */
  onTestRunEnd(modules, unhandledErrors) {
    const outcome = { passed: 0, failed: unhandledErrors.length, skipped: [] };
    for (const module of modules) count(module, outcome);
    writeFileSync(process.env.BERTH_TEST_OUTCOME, JSON.stringify(outcome));
  }
}

function count(module, outcome) {
  // A file that can't be loaded, or whose hooks fail, has an error of its own.
  outcome.failed += module.errors().length > 0 ? 1 : 0;
  for (const suite of module.children.allSuites()) outcome.failed += suite.errors().length > 0 ? 1 : 0;
  for (const test of module.children.allTests()) {
    const result = test.result();
    if (result.state === 'passed') outcome.passed++;
    else if (result.state === 'failed') outcome.failed++;
    else outcome.skipped.push({ test: `${module.relativeModuleId} > ${test.fullName}`, reason: result.note ?? reasonIn(test.fullName) });
  }
}

/** What a condition skips before the test runs can give no note: such a suite or test has its reason in brackets in its name. */
function reasonIn(name) {
  return /\(([^()]+)\)/.exec(name)?.[1] ?? 'no reason given';
}
