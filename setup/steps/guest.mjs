// What a virtual machine boots, in one folder: Debian's kernel, the initial root file system, and our agent.
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { bunInputs, compileProgram } from '../bun.mjs';
import { findKernel } from '../guest/kernel.mjs';
import { buildMachineInitramfs, init } from '../guest/machine-initramfs.mjs';
import { guestDirectory, root, toolsDirectory } from '../paths.mjs';
import { SetupError } from '../setup-error.mjs';
import { contents } from '../stamp.mjs';

const agent = join(root, 'plugins/runtime-vm/src/agent/main.ts');
const sources = [
  'setup/guest',
  'plugins/runtime-vm/src/agent',
  'plugins/runtime-vm/src/guest',
  'packages/sdk/src/abort.ts',
  'packages/sdk/src/errors.ts',
  'packages/shim/src/cgroup',
  'packages/shim/src/oci/error-log.ts',
  'proto/guest.proto',
];

/**
 * @param {{ required: boolean }} needs where it isn't required, a machine without the kernel only skips tests
 * @returns {import('../run-steps.mjs').Step}
 */
export function guest({ required }) {
  const paths = [init, ...sources.map((path) => join(root, path)), join(root, 'package-lock.json')];
  return {
    name: 'guest',
    title: 'guest of virtual machines',
    inputs: () => [...bunInputs, findKernel()?.image ?? '', ...contents([...paths, ...tools()])],
    outputs: [guestDirectory],
    run: async () => {
      const lacking = missing();
      if (lacking === undefined) return build();
      if (required) throw new SetupError(`virtual machines can't run: ${lacking}`);
      mkdirSync(guestDirectory, { recursive: true });
      return { notes: [`virtual machines can't run, their tests are skipped: ${lacking}`] };
    },
  };
}

function tools() {
  return ['busybox', 'catatonit', 'crun'].map((name) => join(toolsDirectory, name));
}

function missing() {
  if (findKernel() === undefined) return "Debian's package linux-image-cloud-amd64 can't be had";
  const tool = tools().find((path) => !existsSync(path));
  return tool && `${basename(tool)} is missing`;
}

async function build() {
  const kernel = findKernel();
  const directory = `${guestDirectory}.new`;
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(join(directory, 'tools'), { recursive: true });
  const program = join(directory, 'tools', 'agent');
  const { downloaded } = await compileProgram(agent, program);
  copyFileSync(kernel.image, join(directory, 'vmlinuz'));
  await buildMachineInitramfs({ modules: kernel.modules, agent: program, output: join(directory, 'initramfs.cpio') });
  rmSync(guestDirectory, { recursive: true, force: true });
  renameSync(directory, guestDirectory);
  return { downloaded };
}
