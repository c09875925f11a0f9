// The CRI suite on our runc runtime, by the command that users judge theirs with.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../paths.mjs';

/** An emulated processor is ten times slower, and its host may have more to do. */
const timeFactor = '5';

/**
 * @param {string} driver of cgroups: `cgroupfs` or `systemd`
 * @param {string} focus pattern of the cases' ids
 * @returns {import('./run-phase.mjs').Phase}
 */
export function conformPhase(driver, focus) {
  return {
    name: `CRI suite, cgroup driver ${driver}`,
    async run() {
      const directory = mkdtempSync(join(tmpdir(), 'berth-test-'));
      try {
        return await runConform(driver, focus, directory);
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    },
  };
}

async function runConform(driver, focus, directory) {
  const configuration = join(directory, 'berth.yaml');
  const report = join(directory, 'report.json');
  // JSON is YAML, too.
  writeFileSync(configuration, JSON.stringify(nodeConfiguration(driver)));
  const options = ['--start', 'runc', '--focus', focus, '--time-factor', timeFactor, '--report', `json=${report}`];
  const args = ['--node-config', configuration, 'conform', 'cri', ...options];
  const child = spawn(join(root, 'bin/berth'), args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  const status = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  if (!existsSync(report)) return { passed: 0, failed: 1, skipped: [], output: `berth conform ended with ${status} and without a report` };
  const { summary, cases } = JSON.parse(readFileSync(report, 'utf8'));
  const skipped = cases.filter(({ result }) => result === 'skipped').map(({ id, reason }) => ({ test: id, reason }));
  return { passed: summary.passed, failed: summary.failed, skipped };
}

function nodeConfiguration(driver) {
  return {
    apiVersion: 'berth.dev/v1alpha1',
    kind: 'NodeConfiguration',
    runtimes: [{ handler: 'runc', command: ['@berth/runtime-runc', '--cgroup-driver', driver] }],
  };
}
