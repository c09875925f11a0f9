import { join } from 'node:path';
import { root } from '../paths.mjs';

export const noticesFile = join(root, 'THIRD-PARTY-NOTICES.md');

/** @param {import('./third-parties.mjs').ThirdParty[]} parties @returns {string} the notices */
export function noticesText(parties) {
  return `# Third-party notices

Berth is under the Apache License 2.0 (\`LICENSE\`). It contains no code of others; set-up fetches the following into the checkout, each
under its own licence, whose text lies in its package.

## Programs

| program | licence | from |
|---|---|---|
| Node.js | MIT, and those of its parts | npm registry |
| npm | Artistic-2.0 | npm registry |
| Bun, inside the executables of the CNI plugins and of the guest's agent | MIT; JavaScriptCore LGPL-2.1 | npm registry |
| the Linux programs, and the kernel of virtual machines, that \`setup/debian/tool-table.mjs\` lists, where the host lacks them | \`.cache/debian/usr/share/doc/*/copyright\` | Debian or Ubuntu |

## npm packages

Those of a node on any platform; the tests' are not listed.

| package | version | licence |
|---|---|---|
${parties.map(({ name, version, licence }) => `| ${name} | ${version} | ${licence} |`).join('\n')}
`;
}
