import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Directories } from '../configuration/directories.ts';
import { earliestBaseline } from './baseline.ts';
import { HostGuard } from './host-guard.ts';
import { NodeRegistry } from './node-registry.ts';

const bridge = 'bt-guard';

let directory: string;
let directories: Directories;
let file: string;
let registry: NodeRegistry;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-guard-'));
  directories = { root: join(directory, 'root'), run: join(directory, 'run') };
  file = join(directories.run, 'host-baseline.json');
  registry = new NodeRegistry(join(directory, 'nodes'));
});

afterEach(() => rmSync(directory, { recursive: true }));

describe('HostGuard', () => {
  it('remembers the first look at the host for a later node with the same directories', () => {
    HostGuard.begin(directories, bridge, true, registry);
    const first = readFileSync(file, 'utf8');
    expect(JSON.parse(first)).toMatchObject({ made: [directories.root, directories.run] });
    HostGuard.begin(directories, bridge, false, registry);
    expect(readFileSync(file, 'utf8')).toBe(first);
  });

  it('looks anew after a reboot', () => {
    mkdirSync(directories.run);
    writeFileSync(file, JSON.stringify({ bootId: 'earlier', baseline: { links: [], tables: [], sysctls: {} }, made: ['/nowhere'] }));
    HostGuard.begin(directories, bridge, false, registry);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ made: [] });
  });

  it.each(['', '{"bootId":"', '{}', 'null'])('names a damaged file (%j) and the cure', (text) => {
    mkdirSync(directories.run);
    writeFileSync(file, text);
    expect(() => HostGuard.begin(directories, bridge, false, registry)).toThrow(
      new RegExp(`^${file}: it is damaged.*remove it.*${bridge}`),
    );
    expect(existsSync(file)).toBe(true);
  });
});

describe('two nodes on one host', () => {
  it.skipIf(process.getuid?.() !== 0)('know of each other by the registry, which goes with the last', () => {
    const second = { root: join(directory, 'root2'), run: join(directory, 'run2') };
    const [one, two] = [HostGuard.begin(directories, bridge, false, registry), HostGuard.begin(second, bridge, false, registry)];
    expect(registry.others(file)).toEqual([join(second.run, 'host-baseline.json')]);
    one.end();
    expect(registry.others(join(second.run, 'host-baseline.json'))).toEqual([]);
    two.end();
    expect(existsSync(join(directory, 'nodes'))).toBe(false);
  });

  it('take for the host what it was before the first of them', () => {
    const first = { links: ['lo'], tables: ['ip filter'], sysctls: { 'net/ipv4/ip_forward': '0' } };
    const own = { links: ['lo', 'berth0'], tables: ['ip filter', 'inet masquerade'], sysctls: { 'net/ipv4/ip_forward': '1', other: '5' } };
    expect(earliestBaseline(own, [first])).toEqual({
      links: ['lo', 'berth0'],
      tables: ['ip filter'],
      sysctls: { 'net/ipv4/ip_forward': '0', other: '5' },
    });
  });
});
