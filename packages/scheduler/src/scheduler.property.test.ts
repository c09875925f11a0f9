import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Node, Pod } from '@berth/api/objects';
import { schedulerPlugin } from '@berth/sdk/scheduler';
import { serveSchedulerPlugin } from '@berth/sdk/scheduler/serve';
import type { Served } from '@berth/sdk/serve';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeNode, makePod } from '../testing/objects.ts';
import { profileOf } from '../testing/profile.ts';
import { EvaluatedPlugin } from './external/evaluated-plugin.ts';
import type { Evaluator } from './external/evaluator.ts';
import { InProcessEvaluator } from './external/in-process-evaluator.ts';
import { RemoteEvaluator } from './external/remote-evaluator.ts';
import type { AnyPlugin } from './framework.ts';
import { NodeAffinity } from './plugins/node-affinity.ts';
import { NodeName } from './plugins/node-name.ts';
import { NodeResourcesFit } from './plugins/node-resources-fit.ts';
import { TaintToleration } from './plugins/taint-toleration.ts';
import { Scheduler } from './scheduler.ts';
import type { Verdict } from './verdict.ts';

const signal = new AbortController().signal;
const zone = fc.constantFrom('a', 'b', 'c');

const nodes = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom('n1', 'n2', 'n3', 'n4', 'n5', 'n6'),
    zone,
    cpu: fc.integer({ min: 1, max: 8 }),
    pods: fc.integer({ min: 1, max: 6 }),
    tainted: fc.boolean(),
  }),
  { selector: ({ name }) => name, minLength: 1 },
);
const pods = fc.array(
  fc.record({
    cpu: fc.integer({ min: 0, max: 4000 }),
    zone: fc.option(zone, { nil: undefined }),
    tolerant: fc.boolean(),
    priority: fc.integer({ min: 0, max: 3 }),
  }),
  { maxLength: 25 },
);
/** What the cluster does between two pods. */
const changes = fc.array(fc.record({ after: fc.nat(25), removed: fc.nat(25), node: fc.nat(5) }), { maxLength: 6 });

const clusters = fc.record({ nodes, pods, changes });
type ClusterPlan = typeof clusters extends fc.Arbitrary<infer Plan> ? Plan : never;

function nodeOf({ name, zone, cpu, pods, tainted }: ClusterPlan['nodes'][number]): Node {
  const taints = tainted ? [{ key: 'batch', effect: 'NoSchedule' as const }] : [];
  return makeNode(name, { labels: { zone }, taints, allocatable: { cpu: String(cpu), pods: String(pods) } });
}

function podOf({ cpu, zone, tolerant, priority }: ClusterPlan['pods'][number], index: number): Pod {
  return makePod(`p${index}`, {
    priority,
    labels: { group: String(index % 3) },
    requests: { cpu: `${cpu}m` },
    ...(zone && { nodeSelector: { zone } }),
    ...(tolerant && { tolerations: [{ key: 'batch', operator: 'Exists' as const }] }),
  });
}

/** Keeps pods of one group apart, and no more than three of them on a node: its answers depend on the nodes' pods and what they request. */
const apart = schedulerPlugin<string | undefined>({
  name: 'Apart',
  prepare: ({ pod }) => pod.metadata?.labels?.group,
  filter: (_pod, node, group) => (alike(node.pods.values(), group) >= 3 ? 'node(s) had enough of the group' : undefined),
  score: (_pod, node, group) => alike(node.pods.values(), group) * 10_000 + Number(node.requested.get('cpu') ?? 0n),
  normalization: 'reverse',
});

function alike(pods: Iterable<{ pod: Pod }>, group: string | undefined): number {
  return [...pods].filter(({ pod }) => pod.metadata?.labels?.group === group).length;
}

/** Places everything, while nodes and pods go and nodes come back; gives every verdict. */
async function placeAll(plan: ClusterPlan, evaluator: Evaluator): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  const plugins = [
    new NodeName(),
    new TaintToleration(),
    new NodeAffinity(),
    new NodeResourcesFit(),
    new EvaluatedPlugin('Apart', evaluator),
  ];
  const profiles = [profileOf(plugins as AnyPlugin[])];
  const scheduler = new Scheduler({ profiles, onVerdict: (verdict) => void verdicts.push(verdict), now: () => 0 });
  for (const node of plan.nodes) scheduler.setNode(nodeOf(node));
  for (const [index, pod] of plan.pods.entries()) {
    scheduler.setPendingPod(podOf(pod, index));
    await scheduler.drain(signal);
    for (const { removed, node } of plan.changes.filter(({ after }) => after === index)) {
      scheduler.removePod(`default/p${removed % (index + 1)}`);
      const changed = plan.nodes[node % plan.nodes.length];
      if (!changed) continue;
      scheduler.removeNode(changed.name);
      await scheduler.drain(signal);
      scheduler.setNode(nodeOf(changed));
    }
  }
  await scheduler.drain(signal);
  return verdicts;
}

let directory: string;
let served: Served;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-scheduler-property-'));
  served = await serveSchedulerPlugin(apart, `unix://${directory}/apart.sock`);
});

afterAll(async () => {
  await served.close(0);
  await rm(directory, { recursive: true, force: true });
});

describe('whatever the cluster', () => {
  it('places the same pods on the same nodes for the same reasons, in process and over gRPC', async () => {
    await fc.assert(
      fc.asyncProperty(clusters, async (plan) => {
        const remote = new RemoteEvaluator({ name: 'Apart', endpoint: served.address, timeoutMs: 5000 });
        try {
          expect(await placeAll(plan, remote)).toEqual(await placeAll(plan, new InProcessEvaluator(apart, 5000)));
        } finally {
          remote.close();
        }
      }),
      { numRuns: 60 },
    );
  });

  it('gives no node more than it has, and leaves no pod out that a node could take', async () => {
    await fc.assert(
      fc.asyncProperty(clusters, async ({ nodes, pods }) => {
        const plan = { nodes, pods, changes: [] };
        const verdicts = await placeAll(plan, new InProcessEvaluator(apart, 5000));
        const places = new Map(verdicts.map(({ pod, nodeName }) => [pod, nodeName]));
        for (const node of nodes) {
          const on = pods.filter((_pod, index) => places.get(`default/p${index}`) === node.name);
          expect(on.length).toBeLessThanOrEqual(node.pods);
          expect(on.reduce((sum, { cpu }) => sum + cpu, 0)).toBeLessThanOrEqual(node.cpu * 1000);
          expect(on.every((pod) => (pod.tolerant || !node.tainted) && (pod.zone ?? node.zone) === node.zone)).toBe(true);
        }
        for (const { outcome, refusals, feasible } of verdicts) {
          expect(refusals.size + feasible.length).toBe(nodes.length);
          expect(outcome === 'Scheduled').toBe(feasible.length > 0);
        }
      }),
      { numRuns: 150 },
    );
  });
});
