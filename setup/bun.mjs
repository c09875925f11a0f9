// Compiles TypeScript to executables with Bun, which is fetched when it is first needed.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { command } from './command.mjs';
import { ownNpm } from './npm.mjs';
import { cache, cniProgram, root } from './paths.mjs';
import { fetchPackages } from './registry-package.mjs';
import { readStamp, removeStamp, writeStamp } from './stamp.mjs';

const bunVersion = '1.4.5';
const bunStamp = 'cni-plugins-bun';

const bunIntegrity = {
  '@oven/bun-linux-x64': 'sha512-IWX9BELoGHAUtMonkeSaNaZwXzRk+oDw6Mk+HBFXd3KHYIBNBsIGRupMZPcgNoDbJpLu6gAJjIoIVPZtt1aJ1g==',
  '@oven/bun-linux-x64-baseline': 'sha512-s8yMwYcFnnrA178gji0gZbkE2WVDej/Ti1x770oPfihxyRxSMNhGhiAQNXV53aDeraZxksdvKV/RAdQBCd0qPA==',
  '@oven/bun-linux-aarch64': 'sha512-4BXmsSKnjOrlGWqZV4x/oWa7AVoR+B6lCXddMzOAXBIm3t50eslg9wb66gmtW1AamEQ1l1CDvmmruysEhqOWMg==',
};

/** A program is executed in anybody's working directory: Bun's own files there must not change what it does. */
const isolation = ['--no-compile-autoload-dotenv', '--no-compile-autoload-bunfig'];
/** Split, so that an execution loads the one plugin that it is: it takes 1.7 ms less. */
const compileArguments = [
  'build',
  '--compile',
  '--minify',
  '--bytecode',
  '--format=esm',
  '--splitting',
  ...isolation,
  '--conditions=berth-source',
];

/** What an executable is made from besides its sources, for a step's inputs. */
export const bunInputs = [bunVersion, ...compileArguments];

/**
 * A compiled program holds all of Bun and acts as it when told so: that of the CNI plugins compiles, and Bun isn't kept twice.
 * @param {string} entry @param {string} output @param {string[]} own arguments of this program @returns {Promise<{ downloaded: number }>} bytes
 */
export async function compileProgram(entry, output, own = []) {
  const args = [...compileArguments, ...own, entry, '--outfile', output];
  if (readStamp(bunStamp) === bunVersion && existsSync(cniProgram)) {
    await command(cniProgram, args, { cwd: root, env: { BUN_BE_BUN: '1' } });
    return { downloaded: 0 };
  }
  removeStamp(bunStamp);
  const fetched = join(cache, 'bun');
  try {
    const release = bunRelease();
    const outcome = await fetchPackages([release], fetched, ownNpm);
    await command(join(fetched, 'node_modules', release.name, 'bin', 'bun'), args, { cwd: root });
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
