// Writes the table of clauses and their cases into README.md, between its two markers.
// usage: npm run clauses   (in the checkout's root)
import { readFileSync, writeFileSync } from 'node:fs';
import { clauseTable } from './src/clause-table.ts';
import { criClauses } from './src/cri/clauses.ts';
import { criSuite } from './src/cri/suite.ts';

const readme = new URL('README.md', import.meta.url);
const [begin, end] = ['<!-- clauses: begin -->', '<!-- clauses: end -->'];
const [before, rest = ''] = readFileSync(readme, 'utf8').split(begin);
const [, after] = rest.split(end);
if (after === undefined) throw new Error(`README.md has to have ${begin} and ${end}`);
writeFileSync(readme, `${before}${begin}\n${clauseTable(criClauses(), criSuite.cases)}\n${end}${after}`);
