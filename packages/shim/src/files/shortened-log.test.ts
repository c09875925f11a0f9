import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { shortenLog } from './shortened-log.ts';

let directory: string;
let file: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-log-'));
  file = join(directory, 'log');
  writeFileSync(file, 'one\ntwo\nthree\nfour\nfive\n');
});

afterEach(() => rmSync(directory, { recursive: true }));

describe('shortenLog', () => {
  it.each([
    ['lines that end at the limits', 4, 5, 'one\nfive\n'],
    ['no part of a line', 7, 9, 'one\nfive\n'],
    ['the first alone', 4, 0, 'one\n'],
    ['the last alone', 0, 10, 'four\nfive\n'],
    ['every line once where the limits meet', 1000, 1000, 'one\ntwo\nthree\nfour\nfive\n'],
  ])('keeps %s', (_what, head, tail, left) => {
    shortenLog(file, head, tail);
    expect(readFileSync(file, 'utf8')).toBe(left);
    expect(readdirSync(directory)).toEqual(['log']);
  });
});
