import { spawn } from 'node:child_process';
import { SetupError } from './setup-error.mjs';

/**
 * Runs a program to its end without showing its output.
 * @param {string} program
 * @param {string[]} args
 * @param {{ cwd?: string, env?: Record<string, string | undefined>, timeoutMs?: number }} [options]
 * @returns {Promise<string>} its stdout
 * @throws {SetupError} with the end of its output, if it fails
 */
export async function command(program, args, { cwd, env, timeoutMs = 600_000 } = {}) {
  const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'], timeout: timeoutMs });
  let stdout = '';
  let all = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
    all += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    all += text;
  });
  const status = await new Promise((resolve, reject) => {
    child.once('error', (error) => reject(new SetupError(`${program} can't be run: ${error.message}`, { cause: error })));
    child.once('close', (code, signal) => resolve(signal ?? code));
  });
  if (status === 0) return stdout;
  throw new SetupError(`${[program, ...args].join(' ')} ended with ${status}\n${all.trim().split('\n').slice(-20).join('\n')}`);
}
