// The npm packages of all workspaces. `npm install`, not `npm ci`: the lock file lacks optional packages of platforms that
// some registries don't carry, and `npm ci` refuses such a lock.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ownNpm } from '../npm.mjs';
import { root } from '../paths.mjs';
import { contents, readStamp, removeStamp, writeStamp } from '../stamp.mjs';

/** Written once development packages are in: a later set-up that needs none of them keeps them. */
const developmentStamp = 'dependencies-development';

/** @param {{ development: boolean }} needs @returns {import('../run-steps.mjs').Step} */
export function dependencies({ development }) {
  const all = development || readStamp(developmentStamp) !== undefined;
  return {
    name: 'dependencies',
    title: all ? 'npm packages, those of the tests too' : 'npm packages',
    inputs: () => [all ? 'all' : 'production', ...contents(manifests())],
    outputs: [join(root, 'node_modules', '.package-lock.json')],
    run: async () => {
      removeStamp(developmentStamp);
      const outcome = await ownNpm(['install', ...(all ? [] : ['--omit=dev'])], { cwd: root });
      if (all) writeStamp(developmentStamp, '');
      return outcome;
    },
  };
}

function manifests() {
  const workspaces = ['packages', 'plugins'].flatMap((folder) =>
    readdirSync(join(root, folder)).map((name) => join(root, folder, name, 'package.json')),
  );
  return [
    join(root, 'package.json'),
    join(root, 'package-lock.json'),
    join(root, '.npmrc'),
    ...workspaces.filter((path) => existsSync(path)),
  ];
}
