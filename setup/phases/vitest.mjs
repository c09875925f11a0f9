// One vitest project. Vitest writes to the terminal itself, unless others do so meanwhile; what is counted comes from our reporter.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { node, pathWithTools, root } from '../paths.mjs';
import { onTestHost } from './test-host.mjs';

const reporter = join(root, 'setup/phases/vitest-reporter.mjs');

/**
 * @typedef {object} VitestOptions
 * @property {string[]} [args] Vitest's
 * @property {import('./test-host.mjs').Network} [network] of a host of its own that it runs on; default: it runs on this host
 * @property {boolean} [held] what Vitest writes is shown when it has ended
 */

/**
 * @param {string} project
 * @param {string[]} filters parts of file names
 * @param {VitestOptions} [options]
 * @returns {import('./run-phase.mjs').Phase}
 */
export function vitestPhase(project, filters, { args = [], ...options } = {}) {
  return {
    name: project,
    async run() {
      const directory = mkdtempSync(join(tmpdir(), 'berth-test-'));
      try {
        return await runVitest(project, [...args, ...filters], join(directory, 'outcome.json'), options);
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    },
  };
}

/** @param {string} project @param {string[]} args @param {string} outcomeFile @param {Omit<VitestOptions, 'args'>} options */
async function runVitest(project, args, outcomeFile, { network, held = false }) {
  const script = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--project', project, '--passWithNoTests'];
  const reporters = ['--reporter=default', `--reporter=${reporter}`];
  const command = [node, ...script, ...reporters, ...args];
  const [file, ...rest] = network ? onTestHost(project, network, command) : command;
  const child = spawn(file, rest, {
    cwd: root,
    env: { ...process.env, PATH: pathWithTools(), BERTH_TEST_OUTCOME: outcomeFile },
    stdio: ['ignore', held ? 'pipe' : 'inherit', held ? 'pipe' : 'inherit'],
  });
  const written = Promise.all([child.stdout, child.stderr].map((stream) => (stream ? text(stream) : '')));
  const status = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  process.stdout.write((await written).join(''));
  if (!existsSync(outcomeFile)) return { passed: 0, failed: 1, skipped: [], output: `vitest ended with ${status} and without a result` };
  const outcome = JSON.parse(readFileSync(outcomeFile, 'utf8'));
  // A status that the counts don't explain is an error that belongs to no test.
  return status !== 0 && outcome.failed === 0 ? { ...outcome, failed: 1, output: `vitest ended with ${status}` } : outcome;
}
