// The generated TypeScript: protocols from proto/, and what a package generates for itself by its own codegen.mjs.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { command } from '../command.mjs';
import { node, root } from '../paths.mjs';
import { contents } from '../stamp.mjs';

/** @returns {import('../run-steps.mjs').Step} */
export function generatedCode() {
  const generators = [join(root, 'setup', 'codegen.mjs'), ...packageGenerators()];
  return {
    name: 'generated-code',
    title: 'generated code',
    inputs: () => contents([join(root, 'proto'), join(root, 'package-lock.json'), ...generators]),
    outputs: [join(root, 'packages/sdk/src/gen/cri.ts'), ...packageGenerators().map((path) => join(path, '..', 'src', 'gen'))],
    run: async () => {
      for (const generator of generators) await command(node, [generator], { cwd: root });
      return undefined;
    },
  };
}

function packageGenerators() {
  const folder = join(root, 'packages');
  return readdirSync(folder)
    .map((name) => join(folder, name, 'codegen.mjs'))
    .filter((path) => existsSync(path));
}
