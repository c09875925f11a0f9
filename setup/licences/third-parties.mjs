import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../paths.mjs';

/** @typedef {{ name: string, version: string, licence: string }} ThirdParty */

/** @returns {ThirdParty[]} the npm packages that are installed for a node on any platform, those for development left out, sorted */
export function thirdParties() {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const found = new Map();
  for (const [path, entry] of Object.entries(lock.packages)) {
    const name = path.split('node_modules/').pop();
    if (!path.includes('node_modules/') || entry.link || entry.dev || entry.devOptional) continue;
    found.set(`${name}@${entry.version}`, { name, version: entry.version, licence: entry.license ?? 'unknown' });
  }
  return [...found.keys()].sort().map((key) => found.get(key));
}
