import { describe, expect, it } from 'vitest';
import { evaluate } from './scheduler/evaluate.ts';
import { type NodeInfo, type PodInfo, type SchedulerPluginDefinition, schedulerPlugin } from './scheduler.ts';

const signal = new AbortController().signal;
const pod: PodInfo = { uid: 'p', pod: { apiVersion: 'v1', kind: 'Pod' }, requests: new Map() };
const node = (name: string): NodeInfo => ({
  name,
  node: { apiVersion: 'v1', kind: 'Node', metadata: { name } },
  pods: new Map(),
  allocatable: new Map(),
  requested: new Map(),
});
const ask = (definition: Partial<SchedulerPluginDefinition<unknown>>) =>
  evaluate(schedulerPlugin({ name: 'Mine', ...definition }), pod, [node('n1'), node('n2')], signal);

describe('a plugin', () => {
  it('is asked about each node with what it has prepared; refused ones get no score', async () => {
    const answers = await ask({
      prepare: async (_pod, nodes) => nodes.length,
      filter: (_pod, { name }) => (name === 'n1' ? 'node(s) were first' : undefined),
      score: (_pod, _node, prepared) => Number(prepared),
    });
    expect(answers).toEqual([
      { name: 'n1', refusal: { code: 'Unschedulable', reasons: ['node(s) were first'] } },
      { name: 'n2', score: 2 },
    ]);
  });

  it('may only filter, or only score', async () => {
    expect(await ask({ filter: () => undefined })).toEqual([{ name: 'n1' }, { name: 'n2' }]);
    expect(await ask({ score: () => 7 })).toEqual([
      { name: 'n1', score: 7 },
      { name: 'n2', score: 7 },
    ]);
  });

  const boom = (): never => {
    throw new Error('boom');
  };
  it.each<[string, Partial<SchedulerPluginDefinition<unknown>>, string | RegExp]>([
    ['prepare throws', { prepare: boom, score: () => 1 }, 'prepare: boom'],
    ['filter throws', { filter: boom }, 'filter of node n1: boom'],
    ['score throws', { score: boom }, 'score of node n1: boom'],
    ['the score is negative', { score: () => -1 }, 'score of node n1: it gave -1; a score is a whole number, zero or more'],
    ['the score is broken', { score: () => 0.5 }, /^score of node n1: it gave 0\.5;/],
    [
      'the refusal has no reasons',
      { filter: () => ({ code: 'Unschedulable', reasons: [] }) },
      /^filter of node n1: it gave \{.*a refusal has a code and reasons/,
    ],
    [
      'filter is asynchronous',
      { filter: (async () => boom()) as never },
      /^filter of node n1: it gave a Promise; filter and score answer at once/,
    ],
    ['the refusal is null', { filter: () => null as never }, /^filter of node n1: it gave null;/],
  ])('names function and node when %s', async (_what, definition, message) => {
    await expect(ask(definition)).rejects.toThrow(message);
  });

  it('has a name and something to say', () => {
    expect(() => schedulerPlugin({ name: 'a b', score: () => 1 })).toThrow(/"a b": the name is none/);
    expect(() => schedulerPlugin({ name: 'Mine' })).toThrow(/neither filter nor score/);
  });
});
