// All that a checkout needs before it runs, in order. Does only what isn't done, and says nothing if that is nothing.
import { mkdirSync } from 'node:fs';
import { withLock } from './lock.mjs';
import { cache } from './paths.mjs';
import { runSteps } from './run-steps.mjs';
import { cniPlugins } from './steps/cni-plugins.mjs';
import { dependencies } from './steps/dependencies.mjs';
import { exampleImageStep } from './steps/example-image.mjs';
import { generatedCode } from './steps/generated-code.mjs';
import { linuxTools } from './steps/linux-tools.mjs';
import { nodeRuntime } from './steps/node-runtime.mjs';

/**
 * @param {object} needs
 * @param {boolean} [needs.tests] what `npm test` needs too
 * @param {boolean} [needs.containers] real containers are to run: Linux programs, CNI plugins, an image
 * @param {NodeJS.WritableStream} [needs.output] where progress is told
 */
export async function setUp({ tests = false, containers = true, output = process.stdout }) {
  mkdirSync(cache, { recursive: true });
  await withLock(async () => {
    await runSteps(
      [nodeRuntime, dependencies({ development: tests }), generatedCode(), ...(containers ? containerSteps(tests) : [])],
      output,
    );
  });
}

function containerSteps(tests) {
  return process.platform === 'linux' ? [linuxTools({ tests }), cniPlugins(), exampleImageStep] : [];
}
