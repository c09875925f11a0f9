import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kubeletConfiguration } from '@berth/kubelet/kubelet-configuration';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { checkHost, setOomScore } from './host-limits.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-host-'));
  writeFileSync(join(directory, 'swaps'), 'Filename Type Size Used Priority\n');
});

afterEach(() => rmSync(directory, { recursive: true }));

const configured = (fields: object) =>
  kubeletConfiguration.parse({ apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration', ...fields });
const check = (fields: object) =>
  checkHost(configured(fields), {
    proc: directory,
    cgroupMount: directory,
  });
const limited = { memorySwap: { swapBehavior: 'LimitedSwap' } };

it.each([
  [
    {},
    'this host: it has cgroup v1; boot it with systemd.unified_cgroup_hierarchy=1, or set failCgroupV1: false in the kubelet configuration',
  ],
  [{ failCgroupV1: false, ...limited }, 'or leave memorySwap.swapBehavior out'],
  [{ failCgroupV1: false, singleProcessOOMKill: false }, 'or leave singleProcessOOMKill out'],
])('a host with cgroup v1 has nothing for %j', (fields, words) => {
  expect(() => check(fields)).toThrow(words);
});

it.each([{}, { memorySwap: { swapBehavior: 'NoSwap' } }, { singleProcessOOMKill: true }])('but for %j', (fields) => {
  expect(() => check({ failCgroupV1: false, ...fields })).not.toThrow();
});

it('a host with cgroup v2 has all', () => {
  writeFileSync(join(directory, 'cgroup.controllers'), 'memory\n');
  expect(() => check({ ...limited, singleProcessOOMKill: false })).not.toThrow();
});

it('swap that is on is named, unless the configuration allows it', () => {
  writeFileSync(join(directory, 'cgroup.controllers'), 'memory\n');
  writeFileSync(join(directory, 'swaps'), 'Filename Type Size Used Priority\n/dev/vdb partition 1 0 -2\n');
  expect(() => check({})).toThrow('this host: swap is on: /dev/vdb; turn it off with swapoff -a, or set failSwapOn: false');
  expect(() => check({ failSwapOn: false })).not.toThrow();
});

it('an OOM score that may be given is', () => {
  const file = join(directory, 'oom_score_adj');
  setOomScore(configured({ oomScoreAdj: -5 }), pino({ level: 'silent' }), file);
  expect(readFileSync(file, 'utf8')).toBe('-5');
});

it('one that may not is told in one line with cause and cure', () => {
  const file = join(directory, 'oom_score_adj');
  mkdirSync(file);
  const lines: string[] = [];
  setOomScore(configured({}), pino({}, { write: (line) => void lines.push(line) }), file);
  expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual([
    expect.stringMatching(/^the kubelet's OOM score stays as it is: oomScoreAdj -999: .*EISDIR.*CAP_SYS_RESOURCE.*oomScoreAdj .* to 0$/),
  ]);
  expect(lines.join('')).not.toContain('stack');
});
