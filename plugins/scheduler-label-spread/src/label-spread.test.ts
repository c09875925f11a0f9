import type { Pod } from '@berth/api/objects';
import type { NodeInfo, PodInfo } from '@berth/sdk/scheduler';
import { evaluate } from '@berth/sdk/scheduler/evaluate';
import { describe, expect, it } from 'vitest';
import labelSpread from './label-spread.ts';

const podOf = (name: string, labels: Record<string, string> = {}, namespace = 'default'): PodInfo => {
  const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, labels } };
  return { uid: `${namespace}/${name}`, pod, requests: new Map() };
};
const nodeOf = (name: string, labels: Record<string, string>, ...pods: PodInfo[]): NodeInfo => ({
  name,
  node: { apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } } },
  pods: new Map(pods.map((pod) => [pod.uid, pod])),
  allocatable: new Map(),
  requested: new Map(),
});

const web = (name: string, namespace?: string) => podOf(name, { app: 'web' }, namespace);
const nodes = [
  nodeOf('n1', { zone: 'a' }, web('w1'), web('w2'), podOf('db', { app: 'db' })),
  nodeOf('n2', { zone: 'a' }, web('elsewhere', 'other')),
  nodeOf('n3', { zone: 'b' }, web('w3')),
  nodeOf('n4', {}),
];
const answers = async (args: Record<string, unknown>, pod: PodInfo) => {
  const given = await evaluate(labelSpread(args), pod, nodes, new AbortController().signal);
  return given.map(({ score, refusal }) => refusal?.reasons[0] ?? score);
};

describe('LabelSpread', () => {
  it('counts the pods of the namespace with the same label value on each node; few are good', async () => {
    expect(await answers({}, web('new'))).toEqual([2, 0, 1, 0]);
    expect(labelSpread().normalization).toBe('reverse');
  });

  it('counts them by domain; a node outside all domains is the worst', async () => {
    expect(await answers({ topologyKey: 'zone' }, web('new'))).toEqual([2, 2, 1, 3]);
  });

  it('has no opinion on pods without the label', async () => {
    expect(await answers({ maxSkew: 1, topologyKey: 'zone' }, podOf('new'))).toEqual([0, 0, 0, 0]);
  });

  it('refuses domains that would get too far ahead, and nodes outside all domains', async () => {
    const ahead = 'node(s) would have too many pods of one app';
    expect(await answers({ maxSkew: 1 }, web('new'))).toEqual([ahead, 0, ahead, 0]);
    expect(await answers({ maxSkew: 1, topologyKey: 'zone' }, web('new'))).toEqual([ahead, ahead, 1, 'node(s) had no label zone']);
    expect(await answers({ maxSkew: 2, topologyKey: 'zone' }, web('new'))).toEqual([2, 2, 1, 'node(s) had no label zone']);
  });

  it('goes by the label that it is told', async () => {
    expect(await answers({ podLabel: 'tier' }, podOf('new', { tier: 'front' }))).toEqual([0, 0, 0, 0]);
  });

  it.each([
    [{ label: 'app' }, "LabelSpread's argument label: there is no such argument; use podLabel, topologyKey or maxSkew"],
    [{ podLabel: 7 }, /argument podLabel: 7 is no label key/],
    [{ topologyKey: '' }, /argument topologyKey: "" is no label key/],
    [{ maxSkew: 0 }, /argument maxSkew: 0 is no whole number of 1 or more/],
  ])('refuses the arguments %j', (args, message) => {
    expect(() => labelSpread(args)).toThrow(message);
  });
});
