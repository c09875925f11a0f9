import type { Node, Pod } from '@berth/api/objects';
import { readSchedulerConfiguration } from '@berth/scheduler/configuration';
import { describe, expect, it } from 'vitest';
import { admitNode, admitPod } from './admission.ts';
import type { ClusterPod } from './cluster-files.ts';
import { noBinder } from './manifest-binder.ts';
import { type PlaceOptions, placePods } from './place-pods.ts';

const nodeOf = (name: string): Node =>
  admitNode({ apiVersion: 'v1', kind: 'Node', metadata: { name }, status: { allocatable: { cpu: '1', memory: '1Gi' } } }).object;

/** A pod that takes a whole node. */
function podOf(name: string, more: Partial<Pod> = {}): Pod {
  const spec = { containers: [{ name: 'c', image: 'a:1', resources: { requests: { cpu: '1' } } }], ...more.spec };
  const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name }, ...more, spec };
  return admitPod(pod, { runtime: [], priority: [] }).object;
}

function fromFile(pod: Pod): ClusterPod {
  const source = { object: { ...pod, apiVersion: 'v1', kind: 'Pod' }, file: 'pods.yaml', line: 1, locate: () => ({ line: 7, column: 1 }) };
  return { pod, source };
}

async function place(pods: Pod[], more: Partial<PlaceOptions> = {}) {
  const placements = await placePods({
    cluster: { nodes: [nodeOf('n1'), nodeOf('n2')], pods: pods.map(fromFile) },
    configuration: readSchedulerConfiguration(),
    binder: noBinder,
    running: new Map(),
    signal: new AbortController().signal,
    ...more,
  });
  return placements.map(({ pod, outcome, nodeName, message }) => [pod, outcome, nodeName ?? message]);
}

const bound = { containers: [{ name: 'c', image: 'a:1', resources: { requests: { cpu: '1' } } }], nodeName: 'n1' };

describe('placePods', () => {
  it('gives each pod a node while there is room, and tells in the order of the files', async () => {
    const urgent = podOf('urgent', { spec: { containers: bound.containers, priority: 5 } });
    expect(await place([podOf('a'), podOf('b'), urgent])).toEqual([
      ['default/a', 'Scheduled', 'n2'],
      ['default/b', 'Unschedulable', '0/2 nodes are available: 2 Insufficient cpu.'],
      ['default/urgent', 'Scheduled', 'n1'],
    ]);
  });

  it('counts a pod with a node and a status as running there', async () => {
    const running = podOf('running', { spec: bound, status: { phase: 'Running' } });
    expect(await place([running, podOf('a')])).toEqual([
      ['default/running', 'Running', 'n1'],
      ['default/a', 'Scheduled', 'n2'],
    ]);
  });

  it('counts a pod in the directory of a node as running there', async () => {
    const running = new Map([['n2', [podOf('a'), podOf('elsewhere')]]]);
    expect(await place([podOf('a'), podOf('b')], { running })).toEqual([
      ['default/a', 'Running', 'n2'],
      ['default/b', 'Scheduled', 'n1'],
    ]);
  });

  it('gives the room of a pod that has ended to others', async () => {
    const ended = podOf('ended', { spec: bound, status: { phase: 'Succeeded' } });
    expect(await place([ended, podOf('a')])).toEqual([
      ['default/ended', 'Finished', 'n1'],
      ['default/a', 'Scheduled', 'n1'],
    ]);
  });

  it('tells of the pods that an interrupt has left untried', async () => {
    const running = podOf('running', { spec: bound, status: { phase: 'Running' } });
    expect(await place([running, podOf('a')], { signal: AbortSignal.abort() })).toEqual([
      ['default/running', 'Running', 'n1'],
      ['default/a', 'Pending', 'was not tried: placing was interrupted'],
    ]);
  });

  it('takes a node that a pod names for a wish, and asks the plugins about it', async () => {
    expect(await place([podOf('a', { spec: { ...bound, nodeName: 'n2' } }), podOf('b', { spec: { ...bound, nodeName: 'n3' } })])).toEqual([
      ['default/a', 'Scheduled', 'n2'],
      ['default/b', 'Unschedulable', "0/2 nodes are available: 2 node(s) didn't match the requested node name."],
    ]);
  });

  it('refuses a pod of a profile that is not there, before anything is placed', async () => {
    const stranger = podOf('stranger', { spec: { ...bound, schedulerName: 'mine' } });
    await expect(place([podOf('a'), stranger])).rejects.toThrow(
      'pods.yaml:7: spec.schedulerName: no profile has the name mine; use one of default-scheduler, or add it to the configuration',
    );
  });
});
