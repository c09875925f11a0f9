import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SchedulerPluginDefinition, schedulerPlugin } from '@berth/sdk/scheduler';
import {
  type EvaluateRequest,
  type EvaluateResponse,
  Normalization,
  type SchedulerPluginService,
  SchedulerPluginService as service,
} from '@berth/sdk/scheduler/protocol';
import { schedulerService } from '@berth/sdk/scheduler/serve';
import { type Implementation, type Served, serve } from '@berth/sdk/serve';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeNode, makePod } from '../../testing/objects.ts';
import { Cache } from '../cache.ts';
import { podInfo } from '../pod-info.ts';
import { RemoteEvaluator } from './remote-evaluator.ts';

type Plugin = Implementation<SchedulerPluginService>;

const pod = podInfo(makePod('pod'));
const signal = new AbortController().signal;

let directory: string;
let endpoint: string;
let cache: Cache;
let undo: (() => Promise<void> | void)[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-remote-evaluator-'));
  endpoint = `unix://${directory}/plugin.sock`;
  undo = [() => rm(directory, { recursive: true, force: true })];
  cache = new Cache();
  cache.setNode(makeNode('n1'));
  cache.setNode(makeNode('n2'));
});

afterEach(async () => {
  for (const step of undo.toReversed()) await step();
});

async function start(implementation: Plugin): Promise<Served> {
  const served = await serve(endpoint, [[service, implementation]]);
  undo.push(() => served.close(0));
  return served;
}

function evaluator(name = 'Mine', timeoutMs = 5000): RemoteEvaluator {
  const made = new RemoteEvaluator({ name, endpoint, timeoutMs });
  undo.push(() => made.close());
  return made;
}

/** A good plugin, and the requests that it got. */
function recorded(definition: Partial<SchedulerPluginDefinition> = {}): { plugin: Plugin; requests: EvaluateRequest[] } {
  const requests: EvaluateRequest[] = [];
  const good = schedulerService(schedulerPlugin({ name: 'Mine', score: (_pod, node) => node.pods.size, ...definition }));
  const evaluate: Plugin['evaluate'] = (request, context) => {
    requests.push(request);
    return good.evaluate?.(request, context) ?? Promise.reject(new Error('no evaluate'));
  };
  return { plugin: { ...good, evaluate }, requests };
}

const scoresOf = async (asked: RemoteEvaluator) => {
  const { answers } = await asked.evaluate(pod, cache.snapshot(), signal);
  return Object.fromEntries([...answers].map(([name, { score }]) => [name, score]));
};

describe('a plugin in another process', () => {
  it('gets all nodes once, then what changed', async () => {
    const { plugin, requests } = recorded();
    await start(plugin);
    const asked = evaluator();
    expect(await scoresOf(asked)).toEqual({ n1: 0, n2: 0 });
    cache.assumePod(podInfo(makePod('other')), 'n2');
    expect(await scoresOf(asked)).toEqual({ n1: 0, n2: 1 });
    expect(await scoresOf(asked)).toEqual({ n1: 0, n2: 1 });
    expect(requests.map(({ delta }) => delta?.changed.map(({ name }) => name))).toEqual([['n1', 'n2'], ['n2'], []]);
  });

  it('gets nodes that are too many for one message in several', async () => {
    for (let index = 0; index < 5; index++) cache.setNode(makeNode(`m${index}`, { labels: { long: 'x'.repeat(2 ** 20) } }));
    const { plugin, requests } = recorded();
    const updates: number[] = [];
    await start({
      ...plugin,
      updateSnapshot: (request, context) => {
        updates.push(request.delta?.changed.length ?? 0);
        return plugin.updateSnapshot?.(request, context) as never;
      },
    });
    expect(Object.keys(await scoresOf(evaluator()))).toEqual(['n1', 'n2', 'm0', 'm1', 'm2', 'm3', 'm4']);
    expect([...updates, ...requests.map(({ delta }) => delta?.changed.length)]).toEqual([4, 2, 1]);
  });

  it('gets all nodes again after it was restarted', async () => {
    const first = recorded();
    const served = await start(first.plugin);
    const asked = evaluator();
    await scoresOf(asked);
    await served.close(0);
    await expect(scoresOf(asked)).rejects.toThrow(/plugin\.sock/);
    const second = recorded();
    await start(second.plugin);
    expect(await scoresOf(asked)).toEqual({ n1: 0, n2: 0 });
    expect(second.requests.map(({ delta }) => delta?.base)).toEqual([0n]);
  });

  it('gets all nodes again if it says that it lost them', async () => {
    const [first, second] = [recorded(), recorded()];
    let current = first.plugin;
    await start({
      describe: (...given) => first.plugin.describe?.(...given) as never,
      evaluate: (...given) => current.evaluate?.(...given) as never,
    });
    const asked = evaluator();
    await scoresOf(asked);
    current = second.plugin;
    cache.setPod(podInfo(makePod('other')), 'n1');
    expect(await scoresOf(asked)).toEqual({ n1: 1, n2: 0 });
    expect(second.requests.map(({ delta }) => delta?.changed.length)).toEqual([1, 2]);
  });

  it('answers with refusals, and says what it can', async () => {
    await start(
      recorded({ filter: (_pod, { name }) => (name === 'n1' ? 'node(s) were first' : undefined), normalization: 'reverse' }).plugin,
    );
    const { filters, scores, normalization, answers } = await evaluator().evaluate(pod, cache.snapshot(), signal);
    expect({ filters, scores, normalization }).toEqual({ filters: true, scores: true, normalization: 'reverse' });
    expect(answers.get('n1')).toEqual({ name: 'n1', refusal: { code: 'Unschedulable', reasons: ['node(s) were first'] } });
    expect(answers.get('n2')).toEqual({ name: 'n2', score: 0 });
  });
});

describe('a plugin that', () => {
  const description = { name: 'Mine', filters: true, scores: true, normalization: Normalization.NONE };
  const answering = (response: Partial<EvaluateResponse>): Plugin => ({
    describe: () => description,
    evaluate: ({ delta }) => ({ wantsFullSnapshot: false, generation: delta?.generation ?? 0n, nodes: [], ...response }),
  });
  const good = [
    { name: 'n1', score: 1n },
    { name: 'n2', score: 1n },
  ];
  const refusal = { code: 0 as const, reasons: ['no'] };

  it.each<[string, Plugin, RegExp]>([
    ['leaves out a node', answering({ nodes: good.slice(1) }), /^node n1: it gave no answer for it;/],
    ['answers for a node that there is not', answering({ nodes: [...good, { name: 'n3', score: 1n }] }), /^node n3: .* no such node/],
    ['answers twice', answering({ nodes: [...good, { name: 'n1', score: 1n }] }), /^node n1: it answered twice/],
    ['gives a negative score', answering({ nodes: [{ name: 'n1', score: -1n }] }), /^node n1: it gave it the score -1/],
    ['gives no score', answering({ nodes: [{ name: 'n1' }] }), /^node n1: it gave it no score/],
    [
      'refuses without a reason',
      answering({ nodes: [{ name: 'n1', refusal: { ...refusal, reasons: [] } }] }),
      /^node n1: .* without a reason/,
    ],
    ['judges other nodes than it got', answering({ generation: 1n, nodes: good }), /it judged generation 1 of the nodes/],
    ['asks for all nodes again and again', answering({ wantsFullSnapshot: true }), /it asked for all nodes again/],
    [
      'refuses though it has no Filter',
      { ...answering({ nodes: [{ name: 'n1', refusal }] }), describe: () => ({ ...description, filters: false }) },
      /^node n1: .* no Filter/,
    ],
    [
      'is another plugin',
      { describe: () => ({ ...description, name: 'Other' }) },
      /plugin\.sock: it says that it is plugin "Other", not Mine/,
    ],
    ['normalizes in a way of its own', { describe: () => ({ ...description, normalization: 7 as never }) }, /unknown normalization 7/],
    [
      'throws',
      schedulerService(
        schedulerPlugin({
          name: 'Mine',
          filter: () => {
            throw new Error('boom');
          },
        }),
      ),
      /^Evaluate on unix:.*: filter of node n1: boom/,
    ],
    ['speaks another protocol', {}, /Describe.*plugin\.sock/],
  ])('%s is found out', async (_what, plugin, message) => {
    await start(plugin);
    await expect(evaluator().evaluate(pod, cache.snapshot(), signal)).rejects.toThrow(message);
  });

  it('hangs is left after its time, and its late answer is of no use', async () => {
    const { promise: release, resolve } = Promise.withResolvers<void>();
    const { plugin, requests } = recorded({ prepare: () => (requests.length === 1 ? (release as never) : undefined) });
    await start(plugin);
    const asked = evaluator('Mine', 100);
    await expect(scoresOf(asked)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    resolve();
    expect(await scoresOf(asked)).toEqual({ n1: 0, n2: 0 });
    expect(requests.map(({ delta }) => delta?.base)).toEqual([0n, 0n]);
  });

  it('is not there is named by its address', async () => {
    await expect(evaluator().evaluate(pod, cache.snapshot(), signal)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining(endpoint),
    });
  });

  it('is asked no longer than the scheduler lives', async () => {
    await start({ describe: () => new Promise(() => undefined) });
    const ended = new AbortController();
    const evaluation = evaluator().evaluate(pod, cache.snapshot(), ended.signal);
    ended.abort();
    await expect(evaluation).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});
