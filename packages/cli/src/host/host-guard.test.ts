import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Directories } from '../configuration/directories.ts';
import { type Baseline, earliestBaseline } from './baseline.ts';
import { HostGuard } from './host-guard.ts';
import { type NodeEntry, NodeRegistry } from './node-registry.ts';
import { ownProcess } from './process-identity.ts';

const bridge = 'bt-guard';
const claim = { bridge, subnet: '10.251.0.0/24', cgroupRoot: '/bt-guard' };
const isRoot = process.getuid?.() === 0;

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
    HostGuard.begin(directories, { ...claim, ephemeral: true }, registry);
    const first = readFileSync(file, 'utf8');
    expect(JSON.parse(first)).toMatchObject({ made: [directories.root, directories.run] });
    HostGuard.begin(directories, { ...claim, ephemeral: false }, registry);
    expect(readFileSync(file, 'utf8')).toBe(first);
  });

  it('looks anew after a reboot', () => {
    mkdirSync(directories.run);
    writeFileSync(file, JSON.stringify({ bootId: 'earlier', baseline: { links: [], tables: [], sysctls: {} }, made: ['/nowhere'] }));
    HostGuard.begin(directories, { ...claim, ephemeral: false }, registry);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ made: [] });
  });

  it.each(['', '{"bootId":"', '{}', 'null'])('names a damaged file (%j) and the cure', (text) => {
    mkdirSync(directories.run);
    writeFileSync(file, text);
    expect(() => HostGuard.begin(directories, { ...claim, ephemeral: false }, registry)).toThrow(
      new RegExp(`^${file}: it is damaged.*remove it.*${bridge}`),
    );
    expect(existsSync(file)).toBe(true);
  });
});

describe.skipIf(!isRoot)('two nodes on one host', () => {
  const place = (name: string) => ({ root: join(directory, `root${name}`), run: join(directory, `run${name}`) });
  const elsewhere = { bridge: 'bt-guard2', subnet: '10.251.1.0/24', cgroupRoot: '/bt-guard2', ephemeral: false };

  /** An entry as a node leaves it that was killed, whose bridge is there still. */
  function killedNode(fields: Partial<NodeEntry> = {}): NodeEntry {
    const [process, bootId] = [{ pid: 2 ** 22 + 1, startTicks: 1 }, readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()];
    const baseline = { links: ['lo'], tables: [], sysctls: {} };
    const { ephemeral: _, ...others } = elsewhere;
    return { ...others, bridge, file: join(directory, 'gone/host-baseline.json'), root: '/gone', bootId, process, baseline, ...fields };
  }

  const remembered = () => JSON.parse(readFileSync(file, 'utf8')) as { baseline: Baseline; abandoned: string[] };

  it('know of each other by the registry, which goes with the last', () => {
    const two = HostGuard.begin(place('2'), elsewhere, registry);
    const one = HostGuard.begin(directories, { ...claim, ephemeral: false }, registry);
    expect(registry.others(file).map((entry) => entry.file)).toEqual([join(directory, 'run2/host-baseline.json')]);
    one.end();
    expect(registry.others(join(directory, 'run2/host-baseline.json'))).toEqual([]);
    two.end();
    expect(existsSync(join(directory, 'nodes'))).toBe(false);
  });

  it('have nothing of the host both: the second one is refused, and leaves no trace', () => {
    const one = HostGuard.begin(directories, { ...claim, ephemeral: false }, registry);
    expect(() => HostGuard.begin(place('2'), { ...elsewhere, cgroupRoot: claim.cgroupRoot }, registry)).toThrow(
      `cgroupRoot /bt-guard: the node that runs with the root directory ${directories.root} (pid ${process.pid})`,
    );
    expect([existsSync(place('2').run), registry.others(file)]).toEqual([false, []]);
    one.end();
    expect(() => HostGuard.begin(place('2'), { ...elsewhere, cgroupRoot: claim.cgroupRoot }, registry).end()).not.toThrow();
  });

  it.each(['bt-guard', 'bt-guard3'])('may have the same where the first was killed, whose bridge %s the second one removes', (left) => {
    const link = (...args: string[]) => execFileSync('ip', ['link', ...args], { encoding: 'utf8' });
    link('add', left, 'type', 'bridge');
    registry.enter(killedNode({ ...claim, bridge: left }));
    const guard = HostGuard.begin(directories, { ...claim, ephemeral: false }, registry);
    expect([remembered().abandoned, registry.others(file)]).toEqual([[left], []]);
    guard.end();
    expect(link('show')).not.toContain(left);
  });

  it('a node that was killed and has its directories still stays in the registry, for the next node with them', () => {
    const killed = killedNode({ file: join(directory, 'host-baseline.json'), bridge: 'bt-guard3' });
    writeFileSync(killed.file, '{}');
    registry.enter(killed);
    HostGuard.begin(directories, { ...claim, ephemeral: false }, registry);
    expect([remembered().abandoned, registry.others(file)]).toEqual([[], [killed]]);
  });

  it('what was before a reboot is nothing any more', () => {
    registry.enter(killedNode({ bootId: 'earlier', process: ownProcess() }));
    HostGuard.begin(directories, { ...claim, ephemeral: false }, registry);
    expect(remembered().abandoned).toEqual([]);
  });
});

describe('the host before several nodes', () => {
  const baseline = { links: ['lo'], tables: ['ip filter'], sysctls: { 'net/ipv4/ip_forward': '0' } };
  const own = { links: ['lo', 'berth0'], tables: ['ip filter', 'inet masquerade'], sysctls: { 'net/ipv4/ip_forward': '1', other: '5' } };

  it.each([
    ['of a node that runs is its own to remove', { runs: true, bridge: 'berth0' }, ['lo', 'berth0']],
    ['of a node that has ended was not there', { runs: false, bridge: 'berth0' }, ['lo']],
    ['that no node has made is the host’s', { runs: false, bridge: 'other' }, ['lo', 'berth0']],
  ])('a bridge %s', (_whose, node, links) => {
    expect(earliestBaseline(own, [{ ...node, baseline }])).toEqual({
      links,
      tables: ['ip filter'],
      sysctls: { 'net/ipv4/ip_forward': '0', other: '5' },
    });
  });
});
