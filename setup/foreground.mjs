import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { SetupError } from './setup-error.mjs';

/** npm passes on signals that the whole process group gets anyway: two of a kind as close together as this are one. */
const sameSignalMs = 200;

/**
 * Runs a program on this process's terminal and waits for its end, whatever signals come: they are the program's to act on.
 * Each reaches it once: from a terminal the kernel sends them to all in the foreground; else the program gets a process group
 * of its own, and they are passed on.
 * @param {string} program
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<number>} the exit status as a shell tells it
 */
export async function foreground(program, args, env = process.env) {
  const fromTerminal = process.stdin.isTTY === true;
  const child = spawn(program, args, { stdio: 'inherit', env, detached: !fromTerminal });
  const last = new Map();
  const passOn = (signal) => {
    const repeated = Date.now() - (last.get(signal) ?? 0) < sameSignalMs;
    last.set(signal, Date.now());
    if (!repeated && !(fromTerminal && signal === 'SIGINT')) child.kill(signal);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, passOn);
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', (error) => reject(new SetupError(`${program} can't be run: ${error.message}`, { cause: error })));
      child.once('close', (status, signal) => resolve(signal ? 128 + constants.signals[signal] : status));
    });
  } finally {
    for (const signal of signals) process.off(signal, passOn);
  }
}
