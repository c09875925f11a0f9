// Runs the steps whose inputs changed, with a line for each, and says at the end what it took.
import { existsSync } from 'node:fs';
import { bytesIn, megabytes } from './disk-usage.mjs';
import { cache, root } from './paths.mjs';
import { SetupError } from './setup-error.mjs';
import { hash, readStamp, removeStamp, writeStamp } from './stamp.mjs';

/**
 * One thing that set-up makes.
 * @typedef {object} Step
 * @property {string} name its stamp's name
 * @property {string} title what the progress line says
 * @property {() => string[]} inputs what it is made from; the same inputs give the same outcome
 * @property {string[]} outputs files that are there when it is done
 * @property {() => Promise<{ downloaded?: number, notes?: string[] } | undefined>} run makes it; `downloaded` is in bytes
 */

/** @param {Step[]} steps @param {NodeJS.WritableStream} output */
export async function runSteps(steps, output) {
  const started = Date.now();
  let downloaded = 0;
  let done = 0;
  for (const step of steps) {
    const inputs = hash(step.inputs());
    if (readStamp(step.name) === inputs && step.outputs.every((path) => existsSync(path))) continue;
    downloaded += (await runStep(step, output))?.downloaded ?? 0;
    // Some inputs are made by an earlier part of the same step, so they are read again.
    writeStamp(step.name, hash(step.inputs()));
    done++;
  }
  if (done === 0) return;
  const used = bytesIn(cache) + bytesIn(`${root}/node_modules`);
  output.write(`set-up  done in ${seconds(started)}; ${megabytes(downloaded)} downloaded, ${megabytes(used)} on disk\n`);
}

async function runStep(step, output) {
  const started = Date.now();
  output.write(`set-up  ${step.title} ...`);
  removeStamp(step.name);
  try {
    const outcome = await step.run();
    output.write(` ${seconds(started)}\n`);
    for (const note of outcome?.notes ?? []) output.write(`set-up  ${note}\n`);
    return outcome;
  } catch (error) {
    output.write(' failed\n');
    throw error instanceof SetupError ? error : new SetupError(`${step.title}: ${error.message}`, { cause: error });
  }
}

function seconds(since) {
  return `${((Date.now() - since) / 1000).toFixed(1)} s`;
}
