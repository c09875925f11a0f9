// Our CNI plugins as executables: one program that acts as the plugin that it is called by, and a link per plugin.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { command } from '../command.mjs';
import { cache, cniDirectory, root } from '../paths.mjs';
import { SetupError } from '../setup-error.mjs';
import { contents } from '../stamp.mjs';

const program = 'berth-cni';

/** @returns {import('../run-steps.mjs').Step} */
export function cniPlugins() {
  const names = readdirSync(join(root, 'plugins'))
    .filter((folder) => folder.startsWith('cni-'))
    .map((folder) => folder.slice('cni-'.length));
  const sources = [join(root, 'packages/sdk'), ...names.map((name) => join(root, 'plugins', `cni-${name}`))];
  return {
    name: 'cni-plugins',
    title: 'CNI plugins',
    inputs: () => contents([join(root, 'package-lock.json'), ...sources]),
    outputs: [program, ...names].map((name) => join(cniDirectory, name)),
    run: () => build(names),
  };
}

async function build(names) {
  const bun = join(root, 'node_modules', '@oven', `bun-linux-${{ x64: 'x64', arm64: 'aarch64' }[process.arch]}`, 'bin', 'bun');
  if (!existsSync(bun)) throw new SetupError(`${bun} isn't there: remove node_modules and run this again`);
  const directory = `${cniDirectory}.new`;
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const entry = join(cache, 'cni', 'entry.ts');
  writeFileSync(entry, entrySource(names));
  const format = ['--compile', '--minify', '--bytecode', '--format=esm', '--conditions=berth-source'];
  await command(bun, ['build', ...format, entry, '--outfile', join(directory, program)], { cwd: root });
  for (const name of names) symlinkSync(program, join(directory, name));
  rmSync(cniDirectory, { recursive: true, force: true });
  renameSync(directory, cniDirectory);
  return undefined;
}

/** @param {string[]} names @returns {string} the program: all plugins, chosen by the name that it is executed as */
function entrySource(names) {
  return [
    "import { basename } from 'node:path';",
    "import { run } from '@berth/sdk/cni/plugin';",
    ...names.map((name, index) => `import { plugin as plugin${index} } from '@berth/cni-${name}/plugin';`),
    `const plugins = { ${names.map((name, index) => `'${name}': plugin${index}`).join(', ')} };`,
    'const name = basename(process.argv0);',
    'if (!Object.hasOwn(plugins, name)) {',
    `  console.error(\`\${name} is no plugin of this program; execute it as one of ${names.join(', ')}\`);`,
    '  process.exit(1);',
    '}',
    'process.exitCode = await run(plugins[name]);',
    '',
  ].join('\n');
}
