// One set-up at a time in a checkout.
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { cache } from './paths.mjs';

const path = join(cache, 'setup.lock');

/**
 * @param {NodeJS.WritableStream} output where waiting is told
 * @param {() => Promise<void>} work done once no other set-up is at work; the lock of a process that is gone doesn't count
 */
export async function withLock(output, work) {
  for (let waits = 0; !take(); waits++) {
    if (waits === 0) output.write(`set-up  waiting for the one of process ${holder()}\n`);
    await setTimeout(200);
  }
  try {
    await work();
  } finally {
    rmSync(path, { force: true });
  }
}

function take() {
  try {
    const file = openSync(path, 'wx');
    writeSync(file, String(process.pid));
    closeSync(file);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    const pid = holder();
    if (pid !== undefined && !isAlive(pid)) rmSync(path, { force: true });
    return false;
  }
}

function holder() {
  try {
    return Number(readFileSync(path, 'utf8')) || undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
