// npm start [-- OPTIONS OF berth run]: sets up, then runs an example on a node in the foreground.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findOnHost } from './debian/host-tool.mjs';
import { foreground } from './foreground.mjs';
import { exampleImage, root } from './paths.mjs';
import { reportFailure } from './report-failure.mjs';
import { runtimeOf } from './runtime-option.mjs';
import { setUp } from './set-up.mjs';
import { SetupError } from './setup-error.mjs';

const berth = join(root, 'bin', 'berth');

async function start(options) {
  const manifests = options.some((option) => /^(-f|--filename)/.test(option)) ? [] : ['-f', join(root, 'examples', 'sidecar.yaml')];
  const run = ['run', ...manifests, '--ephemeral', ...options];
  const isRoot = process.getuid?.() === 0;
  if (runtimeOf(options) === 'fake') {
    await setUp({ containers: false });
    return isRoot ? foreground(berth, run) : inOwnDirectories(run);
  }
  if (process.platform !== 'linux') throw new SetupError('real containers need Linux; try "npm start -- --runtime fake"');
  await setUp({ containers: true, machines: runtimeOf(options) === 'vm' });
  const node = [berth, ...run, '--image', exampleImage];
  return isRoot ? foreground(node[0], node.slice(1)) : asRoot(node);
}

/** The default directories are root's. */
async function inOwnDirectories(run) {
  const directory = mkdtempSync(join(tmpdir(), 'berth-'));
  try {
    return await foreground(berth, [...run, '--root', join(directory, 'root'), '--run', join(directory, 'run')]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Only the node: what set-up made stays the user's own. */
function asRoot(command) {
  if (!findOnHost('sudo')) {
    throw new SetupError(
      'a node with real containers needs root, and there is no sudo: run this as root, or "npm start -- --runtime fake"',
    );
  }
  process.stdout.write('berth: a node with real containers needs root; sudo runs this one process, all else is yours\n');
  return foreground('sudo', ['--', ...command]);
}

try {
  process.exitCode = await start(process.argv.slice(2));
} catch (error) {
  reportFailure(error);
}
