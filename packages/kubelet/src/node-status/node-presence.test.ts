import { PluginError } from '@berth/sdk/errors';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../testing/manual-clock.ts';
import { MemoryClusterApi } from '../../testing/memory-cluster-api.ts';
import { type ServedRuntime, serveRuntime } from '../../testing/served-runtime.ts';
import type { TimerRuntime } from '../../testing/timer-runtime.ts';
import { readMachineFacts } from '../machine/machine-facts.ts';
import { NodeResources } from '../machine/node-resources.ts';
import { PodEvents } from '../pod-events.ts';
import type { RuntimeClient } from '../runtime/runtime-client.ts';
import { NodePresence } from './node-presence.ts';
import { defaultNodeStatus, type NodeStatusOptions } from './node-status-options.ts';

let served: ServedRuntime;
let runtime: TimerRuntime;
let client: RuntimeClient;
let api: MemoryClusterApi;
let events: PodEvents;
let clock: ManualClock;
let ended: AbortController;
let problems: string[];

beforeEach(async () => {
  served = await serveRuntime();
  ({ runtime, client } = served);
  api = new MemoryClusterApi();
  clock = new ManualClock();
  events = new PodEvents(clock, 'here');
  ended = new AbortController();
  problems = [];
});

afterEach(async () => {
  ended.abort();
  await served.stop();
});

function presence(options: Partial<NodeStatusOptions> = {}, bootId = 'first', inCluster = true): NodePresence {
  const machine = { ...readMachineFacts(), bootId };
  return new NodePresence({
    ...defaultNodeStatus,
    ...options,
    nodeName: 'here',
    kubeletRoot: served.directory,
    machine,
    resources: new NodeResources(machine, served.directory),
    runtime: client,
    pressure: { pressure: () => ({ memory: false, disk: false, pid: false }) },
    unhealthy: () => problems,
    enforcesPods: true,
    enforceReserved: async () => ['/system'],
    events,
    ...(inCluster && { api }),
    clock,
    log: pino({ level: 'silent' }),
  });
}

const applied = (call: string) => api.calls.filter((each) => each.startsWith(call)).length;

describe('the node as the cluster sees it', () => {
  it('has what the machine and its runtime tell', async () => {
    const node = presence({ nodeIPs: ['10.1.2.3', 'fd00::1'], nodeLabels: { disk: 'ssd' } });
    const done = node.run(ended.signal);
    await expect.poll(() => api.nodes.get('here')).toBeDefined();
    expect(api.nodes.get('here')).toMatchObject({
      metadata: { name: 'here', labels: { 'kubernetes.io/hostname': 'here', 'kubernetes.io/os': process.platform, disk: 'ssd' } },
      status: {
        capacity: { pods: '110' },
        addresses: [
          { type: 'InternalIP', address: '10.1.2.3' },
          { type: 'InternalIP', address: 'fd00::1' },
          { type: 'Hostname', address: 'here' },
        ],
        nodeInfo: { containerRuntimeVersion: 'timer://1.2.3' },
      },
    });
    expect(api.nodes.get('here')?.status?.conditions?.at(-1)).toMatchObject({ type: 'Ready', status: 'True' });
    ended.abort();
    await done;
  });

  it('is not ready while its runtime is down, and says so by an event', async () => {
    runtime.faults.set('Status', () => {
      throw new PluginError('UNAVAILABLE', 'nobody is there');
    });
    const done = presence().run(ended.signal);
    await expect.poll(() => api.nodes.get('here')?.status?.conditions?.at(-1)?.status).toBe('False');
    expect(api.nodes.get('here')?.status?.conditions?.at(-1)?.message).toContain('container runtime is down');
    expect(events.list().map(({ reason }) => reason)).toContain('NodeNotReady');
    ended.abort();
    await done;
  });

  it('has no taints of its conditions, which the controllers of the cluster set', async () => {
    problems = ['PLEG is not healthy'];
    const done = presence().run(ended.signal);
    await expect.poll(() => api.nodes.get('here')?.status?.conditions?.at(-1)?.status).toBe('False');
    expect(api.nodes.get('here')?.spec?.taints).toBeUndefined();
    ended.abort();
    await done;
  });

  it('is told when it changes, and else every five minutes', async () => {
    const done = presence().run(ended.signal);
    await expect.poll(() => applied('applyNode')).toBe(1);
    let looks = 0;
    runtime.faults.set('Status', () => void looks++);
    const look = async () => {
      const before = looks;
      await expect.poll(async () => clock.pass(10_000).then(() => looks)).toBeGreaterThan(before);
    };
    await look();
    expect(applied('applyNode')).toBe(1);
    problems = ['PLEG is not healthy'];
    await look();
    await expect.poll(() => api.nodes.get('here')?.status?.conditions?.at(-1)?.message).toBe('PLEG is not healthy');
    await clock.pass(defaultNodeStatus.nodeStatusReportFrequencyMs);
    await look();
    await expect.poll(() => applied('applyNode')).toBe(3);
    ended.abort();
    await done;
  });

  it('is tried five times where the cluster does not take it', async () => {
    api.faults.set('applyNode', () => {
      throw new PluginError('UNAVAILABLE', 'not now');
    });
    const done = presence().run(ended.signal);
    await expect.poll(() => applied('applyNode')).toBe(5);
    ended.abort();
    await done;
  });

  it('has a lease of 40 s, renewed each 10 s', async () => {
    const done = presence().run(ended.signal);
    await expect.poll(() => api.leases.get('here')?.spec).toMatchObject({ holderIdentity: 'here', leaseDurationSeconds: 40 });
    const renewals = applied('applyLease');
    await clock.pass(10_000);
    await expect.poll(() => applied('applyLease')).toBe(renewals + 1);
    ended.abort();
    await done;
  });
});

describe('the node without a cluster', () => {
  it('has the taints of its conditions as long as they hold', async () => {
    problems = ['PLEG is not healthy'];
    const node = presence({ registerWithTaints: [{ key: 'dedicated', effect: 'NoSchedule' }] }, 'first', false);
    const done = node.run(ended.signal);
    const keys = () => node.node.spec?.taints?.map(({ key }) => key);
    await expect.poll(keys).toEqual(['dedicated', 'node.kubernetes.io/not-ready']);
    problems = [];
    node.lookNow();
    await expect.poll(keys).toEqual(['dedicated']);
    ended.abort();
    await done;
  });
});

describe('events of the node', () => {
  it('tell of the start, and of what is bounded', async () => {
    await presence().start();
    expect(events.list().map(({ reason, involvedObject }) => `${involvedObject.kind} ${reason}`)).toEqual([
      'Node Starting',
      'Node NodeAllocatableEnforced',
      'Node NodeAllocatableEnforced',
    ]);
  });

  it('tell of a reboot', async () => {
    for (const [bootId, expected] of [
      ['first', false],
      ['first', false],
      ['second', true],
    ] as const) {
      await presence({}, bootId).start();
      expect(events.list().some(({ reason }) => reason === 'Rebooted')).toBe(expected);
    }
  });
});
