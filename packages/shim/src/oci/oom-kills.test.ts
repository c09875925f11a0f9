import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PodSandboxConfig } from '@berth/sdk/cri';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SandboxSpec } from '../runtime.ts';
import { OomKills } from './oom-kills.ts';

const config = PodSandboxConfig.fromPartial({ linux: { cgroupParent: '/pod' } });
const sandbox: SandboxSpec = { id: 'pod', config, directory: '/', namespaces: {}, sharedPid: false, files: {} };

let root: string;
let kills: OomKills;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'berth-oom-kills-'));
  kills = new OomKills(root);
});

afterEach(() => rmSync(root, { recursive: true }));

function count(cgroup: string, number: number): void {
  mkdirSync(join(root, cgroup), { recursive: true });
  writeFileSync(join(root, cgroup, 'memory.events'), `low 0\nmax 9\noom 1\noom_kill ${number}\n`);
}

const remove = (cgroup: string): void => rmSync(join(root, cgroup), { recursive: true });

describe('OOM kills', () => {
  it('are those of a container whose cgroup is gone, once', () => {
    count('/pod', 0);
    kills.follow(sandbox);
    count('/pod', 1);
    expect(kills.struck(sandbox, '/pod/a.scope')).toBe(true);
    expect(kills.struck(sandbox, '/pod/b.scope')).toBe(false);
  });

  it('are those of a container whose cgroup is still there, and its going later is nobody else’s', () => {
    count('/pod', 0);
    kills.follow(sandbox);
    count('/pod', 2);
    count('/pod/a', 2);
    expect(kills.struck(sandbox, '/pod/a')).toBe(true);
    remove('/pod/a');
    expect(kills.struck(sandbox, '/pod/b')).toBe(false);
  });

  it('of a container that goes on are not those of another', () => {
    count('/pod', 3);
    count('/pod/a', 3);
    kills.follow(sandbox);
    count('/pod', 4);
    count('/pod/a', 4);
    expect(kills.struck(sandbox, '/pod/b')).toBe(false);
  });

  it('before a pod was followed, and in one that is not, are not told', () => {
    count('/pod', 5);
    kills.follow(sandbox);
    expect(kills.struck(sandbox, '/pod/a')).toBe(false);
    kills.forget(sandbox);
    count('/pod', 6);
    expect(kills.struck(sandbox, '/pod/a')).toBe(false);
  });
});
