import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CpuSet } from '../machine/cpu-set.ts';
import { CpuStateFile } from './cpu-state.ts';
import { settleCpuState } from './settle-cpu-state.ts';

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-cpus-'));
  path = join(directory, 'cpu_manager_state');
});

afterEach(() => rmSync(directory, { recursive: true }));

const entries = (uid: string, name: string, cpus: string) => new Map([[uid, new Map([[name, CpuSet.parse(cpus)]])]]);

/** As nodes in the field had them: kubelet takes a file only with its own checksum. */
const files: [text: string, policy: string, shared: string, taken: ReturnType<typeof entries>][] = [
  ['{"policyName":"none","defaultCpuSet":"","checksum":1353318690}', 'none', '', new Map()],
  ['{"policyName":"static","defaultCpuSet":"0-63","checksum":1058907510}', 'static', '0-63', new Map()],
  [
    '{"policyName":"static","defaultCpuSet":"0,4-27","entries":{"39b37746-7f5e-4064-b8e1-eebd2bfaa003":{"app":"1-3"}},"checksum":3300516549}',
    'static',
    '0,4-27',
    entries('39b37746-7f5e-4064-b8e1-eebd2bfaa003', 'app', '1-3'),
  ],
];

describe('the state file is that of kubelet', () => {
  it.each(files)('%s is read', (text, policy, shared, taken) => {
    writeFileSync(path, text);
    expect(new CpuStateFile(path, policy).load()).toEqual({ defaultCpuSet: CpuSet.parse(shared), entries: taken });
  });

  it.each(files)('%s is written', (text, policy, shared, taken) => {
    new CpuStateFile(path, policy).save({ defaultCpuSet: CpuSet.parse(shared), entries: taken });
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  it('a draft that a crash has left is no state', () => {
    writeFileSync(`${path}.tmp`, '{"pol');
    expect(new CpuStateFile(path, 'static').load().entries.size).toBe(0);
  });
});

describe('a state file is refused with what to do, if', () => {
  const settle = (strict = false) => settleCpuState(new CpuStateFile(path, 'static'), CpuSet.parse('0-3'), CpuSet.parse('0'), strict);

  it.each([
    ['it is no JSON', '{"policyName":', /it is corrupted: it isn't JSON; drain this node and delete the file/],
    ['a field is missing', '{"policyName":"static","checksum":1}', /it is corrupted: .*defaultCpuSet/],
    ['the checksum is another', '{"policyName":"static","defaultCpuSet":"0-3","checksum":1}', /the checksum isn't that of the content/],
    [
      'the policy is another',
      files[0]?.[0] ?? '',
      /cpu_manager_state: the configured policy "static" differs from the file's policy "none"/,
    ],
    ['the machine has other CPUs', files[1]?.[0] ?? '', /its CPUs 0-63 aren't those of this machine, 0-3/],
  ])('%s', (_, text, message) => {
    writeFileSync(path, text);
    expect(() => settle()).toThrow(message);
  });

  it.each([
    ['a reserved CPU was given away', '1-3', entries('u', 'c', '0'), false, /not all reserved CPUs 0 are in its defaultCpuSet 1-3/],
    ['a strictly reserved CPU is shared', '0-3', new Map(), true, /some of the strictly reserved CPUs 0 are in its defaultCpuSet/],
    [
      'a CPU is given away and shared',
      '0-3',
      entries('u', 'c', '3'),
      false,
      /the CPUs 3 of container c of pod u are in its defaultCpuSet 0-3 too/,
    ],
    [
      'two pods have one CPU',
      '0-2',
      new Map([...entries('u', 'c', '3'), ...entries('v', 'd', '3')]),
      false,
      /the pods u and v both have CPUs of 3/,
    ],
    ['a CPU is missing', '0-1', entries('u', 'c', '3'), false, /its CPUs 0-1,3 aren't those of this machine, 0-3/],
  ])('%s', (_, shared, taken, strict, message) => {
    new CpuStateFile(path, 'static').save({ defaultCpuSet: CpuSet.parse(shared), entries: taken });
    expect(() => settle(strict)).toThrow(message);
  });
});

it('a new node shares all CPUs, and says so in its file', () => {
  settleCpuState(new CpuStateFile(path, 'static'), CpuSet.parse('0-3'), CpuSet.parse('0'), true);
  expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ policyName: 'static', defaultCpuSet: '1-3' });
});
