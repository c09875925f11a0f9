import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { fieldSupport } from './support.ts';

const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');

/** The fields that the README's section names in the row of a kind. */
function named(kind: string): string[] {
  const row = new RegExp(`^\\| ${kind} +\\|(.*)\\|`, 'm').exec(readme)?.[1] ?? '';
  return [...row.matchAll(/`(\w+)`/g)].map(([, field]) => field ?? '').toSorted();
}

it.each(['honoured', 'idle', 'refused'] as const)('the README names the fields that are %s', (kind) => {
  const fields = Object.entries(fieldSupport).filter(([, support]) => support.kind === kind);
  expect(named(kind)).toEqual(fields.map(([field]) => field).toSorted());
});
