// Takes single packages from the npm registry for their files: a program to keep, not a dependency to import.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bytesIn } from './disk-usage.mjs';
import { SetupError } from './setup-error.mjs';

/**
 * @typedef {object} Release
 * @property {string} name
 * @property {string} version
 * @property {string} integrity the checksum that the registry must give, as lock files write it
 */

/**
 * @param {Release[]} releases
 * @param {string} directory made anew; gets node_modules/NAME
 * @param {typeof import('./npm.mjs').hostNpm} npm
 * @returns {Promise<{ downloaded: number }>} bytes
 */
export async function fetchPackages(releases, directory, npm) {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'package.json'), '{"private":true}');
  // These are large and fetched once: a cache of their own keeps them out of the user's.
  const cache = join(directory, 'npm-cache');
  await npm(['install', ...releases.map(({ name, version }) => `${name}@${version}`)], {
    cwd: directory,
    env: { npm_config_cache: cache },
  });
  const downloaded = bytesIn(join(cache, '_cacache', 'content-v2'));
  rmSync(cache, { recursive: true, force: true });
  for (const release of releases) verify(release, directory);
  return { downloaded };
}

function verify({ name, integrity }, directory) {
  const lock = JSON.parse(readFileSync(join(directory, 'node_modules', '.package-lock.json'), 'utf8'));
  const found = lock.packages[`node_modules/${name}`]?.integrity;
  if (found === integrity) return;
  throw new SetupError(
    `${name} has the checksum ${found} in this registry, not ${integrity}: use another registry (npm config get registry)`,
  );
}
