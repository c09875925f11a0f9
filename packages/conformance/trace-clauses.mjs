// Writes the tables of clauses and their cases into README.md, each between its two markers.
// usage: npm run clauses   (in the checkout's root)
import { readFileSync, writeFileSync } from 'node:fs';
import { clauseTable } from './src/clause-table.ts';
import { cniClauses } from './src/cni/clauses.ts';
import { cniSuite } from './src/cni/suite.ts';
import { criClauses } from './src/cri/clauses.ts';
import { criSuite } from './src/cri/suite.ts';
import { deviceClauses } from './src/device/clauses.ts';
import { deviceSuite } from './src/device/suite.ts';

const file = new URL('README.md', import.meta.url);

/** The text with the suite's table between its markers. */
function traced(text, { name, cases }, clauses) {
  const [begin, end] = [`<!-- clauses of ${name}: begin -->`, `<!-- clauses of ${name}: end -->`];
  const [before, rest = ''] = text.split(begin);
  const [, after] = rest.split(end);
  if (after === undefined) throw new Error(`README.md has to have ${begin} and ${end}`);
  return `${before}${begin}\n${clauseTable(clauses, cases)}\n${end}${after}`;
}

let readme = readFileSync(file, 'utf8');
readme = traced(readme, criSuite, criClauses());
readme = traced(readme, cniSuite, cniClauses());
readme = traced(readme, deviceSuite, deviceClauses());
writeFileSync(file, readme);
