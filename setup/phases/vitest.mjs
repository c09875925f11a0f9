// One vitest project. Vitest writes to the terminal itself; what is counted comes from our reporter.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { node, pathWithTools, root } from '../paths.mjs';

const reporter = join(root, 'setup/phases/vitest-reporter.mjs');

/**
 * @param {string} project
 * @param {string[]} filters parts of file names
 * @param {string[]} [options] Vitest's
 * @returns {import('./run-phase.mjs').Phase}
 */
export function vitestPhase(project, filters, options = []) {
  return {
    name: project,
    async run() {
      const directory = mkdtempSync(join(tmpdir(), 'berth-test-'));
      try {
        return await runVitest(project, [...options, ...filters], join(directory, 'outcome.json'));
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    },
  };
}

async function runVitest(project, args, outcomeFile) {
  const script = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--project', project, '--passWithNoTests'];
  const reporters = ['--reporter=default', `--reporter=${reporter}`];
  const child = spawn(node, [...script, ...reporters, ...args], {
    cwd: root,
    env: { ...process.env, PATH: pathWithTools(), BERTH_TEST_OUTCOME: outcomeFile },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const status = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  if (!existsSync(outcomeFile)) return { passed: 0, failed: 1, skipped: [], output: `vitest ended with ${status} and without a result` };
  const outcome = JSON.parse(readFileSync(outcomeFile, 'utf8'));
  // A status that the counts don't explain is an error that belongs to no test.
  return status !== 0 && outcome.failed === 0 ? { ...outcome, failed: 1, output: `vitest ended with ${status}` } : outcome;
}
