// npm run bench -- NAME [ARGUMENTS]: sets up, then runs test/bench/NAME.bench.ts.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { foreground } from './foreground.mjs';
import { cniDirectory, guestDirectory, node, pathWithTools, root } from './paths.mjs';
import { reportFailure } from './report-failure.mjs';
import { setUp } from './set-up.mjs';
import { SetupError } from './setup-error.mjs';

const folder = join(root, 'test', 'bench');

/** @param {string[]} argv */
async function bench(argv) {
  const [name, ...args] = argv;
  const known = benches();
  if (name === undefined) {
    process.stdout.write(`usage: npm run bench -- NAME [ARGUMENTS]\n${known.map((each) => `  ${each}\n`).join('')}`);
    return 0;
  }
  if (!known.includes(name)) throw new SetupError(`there is no bench ${name}; there are ${known.join(', ')}`);
  await setUp({ tests: true });
  const env = { ...process.env, PATH: pathWithTools(), BERTH_CNI_BIN_DIR: cniDirectory, BERTH_GUEST_DIR: guestDirectory };
  return foreground(node, ['--conditions=berth-source', join(folder, `${name}.bench.ts`), ...args], env);
}

function benches() {
  const ending = '.bench.ts';
  return existsSync(folder) ? readdirSync(folder).flatMap((file) => (file.endsWith(ending) ? [file.slice(0, -ending.length)] : [])) : [];
}

try {
  process.exitCode = await bench(process.argv.slice(2));
} catch (error) {
  reportFailure(error);
}
