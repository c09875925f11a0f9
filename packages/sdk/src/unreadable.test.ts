import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PluginError } from './errors.ts';
import { unreadable } from './unreadable.ts';

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-unreadable-'));
  writeFileSync(join(directory, 'file'), '');
  symlinkSync('loop', join(directory, 'loop'));
});

afterAll(() => rmSync(directory, { recursive: true }));

function told(read: () => unknown): PluginError {
  try {
    read();
  } catch (thrown) {
    return unreadable(thrown, { object: 'configuration c' });
  }
  throw new Error('it was read');
}

it.each([
  ['a file that is missing', () => readFileSync(join(directory, 'nowhere')), 'NOT_FOUND', 'there is no such file or directory; make it,'],
  ['a directory in place of a file', () => readFileSync(directory), 'INVALID_ARGUMENT', 'it is a directory; name a file'],
  ['a file in place of a directory', () => readdirSync(join(directory, 'file')), 'INVALID_ARGUMENT', 'it, or a part of its path, is no '],
  ['a link to itself', () => readFileSync(join(directory, 'loop')), 'INVALID_ARGUMENT', 'its symbolic links lead back to themselves; '],
])('%s is told with object, cause and cure', (_name, read, code, words) => {
  const error = told(read);
  expect([error.code, error.message]).toEqual([code, expect.stringContaining(`configuration c: ${words}`)]);
  expect(error.message).not.toMatch(/E[A-Z]{4,}|open|scandir/);
});

it('what is not known keeps its own words, and a PluginError stays as it is', () => {
  expect(told(() => JSON.parse('{')).message).toMatch(/^configuration c: Expected property name/);
  const given = new PluginError('ABORTED', 'enough');
  expect(unreadable(given, { object: 'a' })).toBe(given);
});
