import { spawn } from 'node:child_process';
import { node, pathWithTools, root } from '../paths.mjs';

/** @param {string} name @param {string[]} script with its arguments @returns {import('./run-phase.mjs').Phase} passes if the script does */
export function checkPhase(name, script) {
  return {
    name,
    async run() {
      const { status, output } = await runScript(script);
      return status === 0 ? { passed: 1, failed: 0, skipped: [] } : { passed: 0, failed: 1, skipped: [], output };
    },
  };
}

/**
 * Runs a script on our Node in the checkout's root.
 * @param {string[]} script with its arguments
 * @returns {Promise<{ status: number | null, stdout: string, output: string }>} `output` is stdout and stderr as they came
 */
export async function runScript(script) {
  const child = spawn(node, script, { cwd: root, env: { ...process.env, PATH: pathWithTools() }, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  const status = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  return { status, stdout, output };
}
