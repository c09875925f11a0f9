import { schedulerPlugin } from '@berth/sdk/scheduler';
import { describe, expect, it } from 'vitest';
import { makeNode, makePod } from '../../testing/objects.ts';
import { Cache } from '../cache.ts';
import { podInfo } from '../pod-info.ts';
import { InProcessEvaluator } from './in-process-evaluator.ts';

const pod = podInfo(makePod('pod'));
const cache = new Cache();
cache.setNode(makeNode('n1'));
const snapshot = cache.snapshot();

describe('a plugin in this process', () => {
  it('is left after its time when it hangs, and told so', async () => {
    let told: AbortSignal | undefined;
    const hanging = schedulerPlugin({
      name: 'Hanging',
      prepare: (_pod, _nodes, signal) => {
        told = signal;
        return new Promise(() => undefined);
      },
      score: () => 1,
    });
    const evaluation = new InProcessEvaluator(hanging, 20).evaluate(pod, snapshot, new AbortController().signal);
    await expect(evaluation).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED', message: 'no answer within 20 ms' });
    expect(told?.aborted).toBe(true);
  });

  it('is asked no longer than the scheduler lives', async () => {
    const ended = new AbortController();
    const hanging = schedulerPlugin({ name: 'Hanging', prepare: () => new Promise(() => undefined), score: () => 1 });
    const evaluation = new InProcessEvaluator(hanging, 5000).evaluate(pod, snapshot, ended.signal);
    ended.abort();
    await expect(evaluation).rejects.toThrow(/aborted/);
  });

  it('changes nothing of the scheduler’s, whatever it does to what it is given', async () => {
    const careless = schedulerPlugin({
      name: 'Careless',
      score: (given, node) => {
        (node.allocatable as Map<string, bigint>).clear();
        delete (given.pod as { spec?: unknown }).spec;
        return 1;
      },
    });
    const before = structuredClone({ pod, nodes: snapshot.nodes });
    await new InProcessEvaluator(careless, 5000).evaluate(pod, snapshot, new AbortController().signal);
    expect({ pod, nodes: snapshot.nodes }).toEqual(before);
    expect(snapshot.nodes[0]?.allocatable.size).toBeGreaterThan(0);
  });

  it('has its answers checked, whatever its author made it of', async () => {
    const homemade = {
      name: 'Homemade',
      filters: false,
      scores: true,
      normalization: 'none',
      prepare: async () => 0,
      filter: () => undefined,
      score: () => -5,
    } as const;
    const evaluation = new InProcessEvaluator(homemade, 5000).evaluate(pod, snapshot, new AbortController().signal);
    await expect(evaluation).rejects.toThrow(/^node n1: it gave it the score -5;/);
  });
});
