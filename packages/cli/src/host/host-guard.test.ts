import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Directories } from '../configuration/directories.ts';
import { HostGuard } from './host-guard.ts';

const bridge = 'bt-guard';

let directory: string;
let directories: Directories;
let file: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-guard-'));
  directories = { root: join(directory, 'root'), run: join(directory, 'run') };
  file = join(directories.run, 'host-baseline.json');
});

afterEach(() => rmSync(directory, { recursive: true }));

describe('HostGuard', () => {
  it('remembers the first look at the host for a later node with the same directories', () => {
    HostGuard.begin(directories, bridge, true);
    const first = readFileSync(file, 'utf8');
    expect(JSON.parse(first)).toMatchObject({ made: [directories.root, directories.run] });
    HostGuard.begin(directories, bridge, false);
    expect(readFileSync(file, 'utf8')).toBe(first);
  });

  it('looks anew after a reboot', () => {
    mkdirSync(directories.run);
    writeFileSync(file, JSON.stringify({ bootId: 'earlier', baseline: { links: [], tables: [], sysctls: {} }, made: ['/nowhere'] }));
    HostGuard.begin(directories, bridge, false);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ made: [] });
  });

  it.each(['', '{"bootId":"', '{}', 'null'])('names a damaged file (%j) and the cure', (text) => {
    mkdirSync(directories.run);
    writeFileSync(file, text);
    expect(() => HostGuard.begin(directories, bridge, false)).toThrow(new RegExp(`^${file}: it is damaged.*remove it.*${bridge}`));
    expect(existsSync(file)).toBe(true);
  });
});
