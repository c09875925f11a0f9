// Our CNI plugins as executables: one program that acts as the plugin that it is called by, and a link per plugin.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { bunInputs, compileProgram } from '../bun.mjs';
import { alignToHugePages } from '../huge-page-alignment.mjs';
import { cache, cniDirectory, cniProgram, root } from '../paths.mjs';
import { contents } from '../stamp.mjs';

/** Code is compiled to the processor's own 20 times later than by default: an execution is over by then, and to begin it costs 1 ms. */
const compileArguments = ['--compile-jit-policy=20'];

/** @returns {import('../run-steps.mjs').Step} */
export function cniPlugins() {
  const names = readdirSync(join(root, 'plugins'))
    .filter((folder) => folder.startsWith('cni-'))
    .map((folder) => folder.slice('cni-'.length));
  const sources = [join(root, 'packages/sdk'), ...names.map((name) => join(root, 'plugins', `cni-${name}`))];
  return {
    name: 'cni-plugins',
    title: 'CNI plugins',
    inputs: () => [
      ...bunInputs,
      ...compileArguments,
      ...contents([join(root, 'package-lock.json'), join(root, 'setup/huge-page-alignment.mjs'), ...sources]),
    ],
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
  const compiled = join(directory, 'compiled');
  const { downloaded } = await compileProgram(entry, compiled, compileArguments);
  // What is written bit by bit lies so in the page cache, and each start maps it bit by bit: it takes 2 ms longer than after one large write.
  writeFileSync(join(directory, basename(cniProgram)), alignToHugePages(readFileSync(compiled)), { mode: 0o755 });
  rmSync(compiled);
  for (const name of names) symlinkSync(basename(cniProgram), join(directory, name));
  rmSync(cniDirectory, { recursive: true, force: true });
  renameSync(directory, cniDirectory);
  return { downloaded };
}

/** What nearly every network executes is part of what the program begins with: to load it apart takes 0.5 ms. */
const loadedAtOnce = ['bridge', 'host-local'];

/** @param {string[]} names @returns {string} the program: all plugins, chosen by the name that it is executed as */
function entrySource(names) {
  const identifier = (name) => name.replaceAll('-', '_');
  const loader = (name) => (loadedAtOnce.includes(name) ? identifier(name) : `(await import('@berth/cni-${name}/plugin')).plugin`);
  return [
    "import { runMultiCallProgram } from '@berth/sdk/cni/multi-call-program';",
    ...loadedAtOnce.map((name) => `import { plugin as ${identifier(name)} } from '@berth/cni-${name}/plugin';`),
    'const plugins = {',
    ...names.map((name) => `  '${name}': async () => ${loader(name)},`),
    '};',
    'process.exitCode = await runMultiCallProgram(plugins);',
    '',
  ].join('\n');
}
