import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { rootOf } from './fixture-root.ts';

it("is the host's own, or the directory that a fixture leads to", () => {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'berth-fixture-root-')));
  mkdirSync(join(directory, 'host'));
  symlinkSync('host', join(directory, 'link'));
  expect(rootOf(undefined)).toBe('/');
  expect(rootOf(join(directory, 'link'))).toBe(join(directory, 'host'));
  rmSync(directory, { recursive: true });
  expect(() => rootOf(directory)).toThrow(/^flag --fixture .*: ENOENT.*; name a directory$/);
});
