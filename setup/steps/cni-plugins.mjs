// Our CNI plugins as executables: one program that acts as the plugin that it is called by, and a link per plugin.
import { mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { bunInputs, compileProgram } from '../bun.mjs';
import { cache, cniDirectory, cniProgram, root } from '../paths.mjs';
import { contents } from '../stamp.mjs';

/** @returns {import('../run-steps.mjs').Step} */
export function cniPlugins() {
  const names = readdirSync(join(root, 'plugins'))
    .filter((folder) => folder.startsWith('cni-'))
    .map((folder) => folder.slice('cni-'.length));
  const sources = [join(root, 'packages/sdk'), ...names.map((name) => join(root, 'plugins', `cni-${name}`))];
  return {
    name: 'cni-plugins',
    title: 'CNI plugins',
    inputs: () => [...bunInputs, ...contents([join(root, 'package-lock.json'), ...sources])],
    outputs: [cniProgram, ...names.map((name) => join(cniDirectory, name))],
    run: () => build(names),
  };
}

async function build(names) {
  const directory = `${cniDirectory}.new`;
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const entry = join(cache, 'cni', 'entry.ts');
  writeFileSync(entry, entrySource(names));
  const { downloaded } = await compileProgram(entry, join(directory, basename(cniProgram)));
  for (const name of names) symlinkSync(basename(cniProgram), join(directory, name));
  rmSync(cniDirectory, { recursive: true, force: true });
  renameSync(directory, cniDirectory);
  return { downloaded };
}

/** @param {string[]} names @returns {string} the program: all plugins, chosen by the name that it is executed as */
function entrySource(names) {
  return [
    "import { runMultiCallProgram } from '@berth/sdk/cni/multi-call-program';",
    ...names.map((name, index) => `import { plugin as plugin${index} } from '@berth/cni-${name}/plugin';`),
    `const plugins = { ${names.map((name, index) => `'${name}': plugin${index}`).join(', ')} };`,
    'process.exitCode = await runMultiCallProgram(plugins);',
    '',
  ].join('\n');
}
