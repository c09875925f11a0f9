import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readSettingsFile, type SettingsIssue } from './settings-file.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-settings-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

function read(text: string, ...issues: SettingsIssue[]): unknown {
  const file = join(directory, 'settings.yaml');
  writeFileSync(file, text);
  const safeParse = (data: unknown) =>
    issues.length > 0 ? { success: false as const, error: { issues } } : { success: true as const, data };
  return readSettingsFile(file, { safeParse });
}

it('gives what the schema makes of it', () => {
  expect([read('a: [1]\n'), read('')]).toEqual([{ a: [1] }, {}]);
});

const text = 'one: 1\ntwo:\n  - first: 1\n    other: 2\n  - a.b/c: 1\n    x: 2\n';

it.each<[what: string, issue: SettingsIssue, told: RegExp]>([
  ['a value', { path: ['two', 0, 'other'], message: 'is too small' }, /settings\.yaml:4: two\[0\]\.other: is too small$/],
  ['a field that is missing', { path: ['two', 1, 'first'], message: 'is required' }, /settings\.yaml:5: two\[1\]\.first: is required$/],
  ['a key with dots', { path: ['two', 1, 'a.b/c'], message: 'is none' }, /settings\.yaml:5: two\[1\]\[a\.b\/c\]: is none$/],
  ['the whole', { path: [], message: 'is no map' }, /settings\.yaml:1: the document: is no map$/],
  [
    'a key that is none',
    { path: [], message: 'm', keys: ['two', 'one'] },
    /settings\.yaml:2: two: there is no such setting; remove it, or mend/,
  ],
  ['a key that is none within', { path: ['two', 1], message: 'm', keys: ['x'] }, /settings\.yaml:6: two\[1\]\.x: there is no such setting/],
])('tells the line of %s', (_what, issue, told) => {
  expect(() => read(text, issue)).toThrow(told);
});

it('tells where a text is no document, and which file is not there', () => {
  expect(() => read('a: 1\nb: [\n')).toThrow(/settings\.yaml:\d: /);
  expect(() => readSettingsFile(join(directory, 'none.yaml'), { safeParse: (data) => ({ success: true, data }) })).toThrow(
    /settings .*none\.yaml: there is no such file or directory/,
  );
});
