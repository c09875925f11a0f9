// The licences of what a node is made of: all allowed, and the notices up to date.
import { readFileSync } from 'node:fs';
import { isAllowed } from '../licences/allowed.mjs';
import { noticesFile, noticesText } from '../licences/notices.mjs';
import { thirdParties } from '../licences/third-parties.mjs';

/** @type {import('./run-phase.mjs').Phase} */
export const licences = {
  name: 'licences',
  async run() {
    const parties = thirdParties();
    const complaints = parties
      .filter(({ licence }) => !isAllowed(licence))
      .map(({ name, version, licence }) => `${name}@${version} has the licence ${licence}, which isn't in setup/licences/allowed.mjs`);
    if (readFileSync(noticesFile, 'utf8') !== noticesText(parties)) {
      complaints.push('THIRD-PARTY-NOTICES.md is not current: run "npm run notices"');
    }
    return complaints.length > 0
      ? { passed: 0, failed: 1, skipped: [], output: complaints.join('\n') }
      : { passed: 1, failed: 0, skipped: [] };
  },
};
