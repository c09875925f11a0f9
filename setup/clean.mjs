// npm run clean: removes all that set-up, builds, packing and tests made in the checkout.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cache, root } from './paths.mjs';
import { reportFailure } from './report-failure.mjs';
import { SetupError } from './setup-error.mjs';

const workspaces = ['packages', 'plugins'].flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(root, folder, name)));

function made() {
  const inWorkspaces = workspaces.flatMap((folder) =>
    ['node_modules', 'dist', 'src/gen', 'LICENSE', 'proto'].map((name) => join(folder, name)),
  );
  const buildStates = [root, join(root, 'test'), ...workspaces].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.tsbuildinfo'))
      .map((name) => join(folder, name)),
  );
  return [cache, ...['node_modules', 'coverage', 'dist'].map((name) => join(root, name)), ...inWorkspaces, ...buildStates];
}

/** A test that was killed may have left the host's own file systems mounted in its chroot: to remove that would remove theirs. */
function refuseMounts() {
  if (!existsSync('/proc/self/mounts')) return;
  const points = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '');
  const below = points.filter((point) => point.startsWith(`${cache}/`));
  if (below.length > 0) throw new SetupError(`still mounted below ${cache}: ${below.join(', ')}; unmount these first (umount -R)`);
}

try {
  refuseMounts();
  for (const path of made()) rmSync(path, { recursive: true, force: true });
} catch (error) {
  reportFailure(error);
}
