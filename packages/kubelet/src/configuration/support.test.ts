import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { fieldSupport } from './support.ts';

const source = join(import.meta.dirname, '..');
const repository = join(source, '../../..');

const honoured = Object.entries(fieldSupport).flatMap(([field, support]) =>
  support.kind === 'honoured' ? [{ field, by: support.by, as: support.as ?? field }] : [],
);

it.each(honoured)('$field is honoured by a file that knows it: $by', ({ by, as }) => {
  const path = [join(source, by), join(repository, by)].find(existsSync);
  expect(path, by).toBeDefined();
  expect(readFileSync(path as string, 'utf8')).toContain(as);
});
