// All that a checkout needs before it runs, in order. Does only what isn't done, and says nothing if that is nothing.
import { mkdirSync } from 'node:fs';
import { withLock } from './lock.mjs';
import { cache } from './paths.mjs';
import { runSteps } from './run-steps.mjs';
import { cniPlugins } from './steps/cni-plugins.mjs';
import { dependencies } from './steps/dependencies.mjs';
import { exampleImageStep } from './steps/example-image.mjs';
import { generatedCode } from './steps/generated-code.mjs';
import { guest } from './steps/guest.mjs';
import { linuxTools } from './steps/linux-tools.mjs';
import { nodeRuntime } from './steps/node-runtime.mjs';
import { testGuest } from './steps/test-guest-debian.mjs';

/**
 * @param {object} needs
 * @param {boolean} [needs.tests] what `npm test` needs too
 * @param {boolean} [needs.containers] real containers are to run: Linux programs, CNI plugins, an image
 * @param {boolean} [needs.machines] virtual machines are to run too: QEMU, a kernel and what it boots
 * @param {boolean} [needs.systemd] the tests in a guest with systemd are to run too, for which `tests` and `machines` are needed
 * @param {NodeJS.WritableStream} [needs.output] where progress is told
 */
export async function setUp({ tests = false, containers = true, machines = false, systemd = false, output = process.stdout }) {
  mkdirSync(cache, { recursive: true });
  await withLock(output, async () => {
    await runSteps(
      [
        nodeRuntime,
        dependencies({ development: tests }),
        generatedCode(),
        ...(containers ? containerSteps({ tests, machines, systemd }) : []),
      ],
      output,
    );
  });
}

function containerSteps({ tests, machines, systemd }) {
  if (process.platform !== 'linux') return [];
  const guests = (tests || machines) && process.arch === 'x64' ? [guest({ required: machines })] : [];
  return [linuxTools({ tests, machines }), cniPlugins(), exampleImageStep, ...guests, ...(systemd ? testGuest : [])];
}
