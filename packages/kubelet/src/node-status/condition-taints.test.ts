import { expect, it } from 'vitest';
import { now, seconds } from '../../testing/observed-pod.ts';
import { withConditionTaints } from './condition-taints.ts';
import { type NodeHealth, nodeConditions } from './node-conditions.ts';

const well: NodeHealth = { problems: [], pressure: { memory: false, disk: false, pid: false } };
const taints = (health: Partial<NodeHealth>) =>
  withConditionTaints([], nodeConditions({ ...well, ...health }, [], now)).map(({ key, effect }) => `${key}:${effect}`);

it.each<[what: string, health: Partial<NodeHealth>, expected: string[]]>([
  ['a healthy node', {}, []],
  ['one that is not ready', { problems: ['why'] }, ['not-ready']],
  ['one that is short of memory', { pressure: { memory: true, disk: false, pid: false } }, ['memory-pressure']],
  ['one that is short of disk', { pressure: { memory: false, disk: true, pid: false } }, ['disk-pressure']],
  ['one that is short of processes', { pressure: { memory: false, disk: false, pid: true } }, ['pid-pressure']],
])('the taints of %s', (_what, health, expected) => {
  expect(taints(health)).toEqual(expected.map((name) => `node.kubernetes.io/${name}:NoSchedule`));
});

it('stand behind those that the node registers with, and tell since when', () => {
  const own = { key: 'node.kubernetes.io/not-ready', value: 'mine', effect: 'NoSchedule' } as const;
  const other = { key: 'dedicated', effect: 'NoExecute' } as const;
  const pressed = { problems: ['why'], pressure: { ...well.pressure, memory: true } };
  const before = nodeConditions(pressed, [], now);
  expect(withConditionTaints([own, other], nodeConditions(pressed, before, seconds(10)))).toEqual([
    own,
    other,
    { key: 'node.kubernetes.io/memory-pressure', effect: 'NoSchedule', timeAdded: '2026-11-21T12:00:00Z' },
  ]);
});
