import type { Event, Pod } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../testing/manual-clock.ts';
import { MemoryClusterApi } from '../../testing/memory-cluster-api.ts';
import { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import { ClusterReports } from './cluster-reports.ts';

let api: MemoryClusterApi;
let clock: ManualClock;
let reports: ClusterReports;
let mirrors: Map<string, Pod>;
let end: AbortController;
let done: Promise<void>;

const pod = (name: string, phase: NonNullable<Pod['status']>['phase'] = 'Pending'): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'default', name, uid: name },
  spec: { containers: [] },
  status: { phase },
});
const unavailable = () => {
  throw new PluginError('UNAVAILABLE', 'nobody is there');
};
const updates = () => api.calls.filter((call) => call.startsWith('updatePodStatus'));

const metrics = new KubeletMetrics({ nodeName: 'node' });

beforeEach(() => {
  metrics.podStatusSyncDuration.reset();
  api = new MemoryClusterApi();
  clock = new ManualClock();
  mirrors = new Map();
  end = new AbortController();
  const inApi = (asked: Pod) => (asked.metadata?.name === 'static' ? mirrors.get('static') : asked);
  reports = new ClusterReports({ api, metrics, clock, log: pino({ level: 'silent' }), inApi });
  done = reports.run(end.signal);
  for (const name of ['a', 'b']) api.put(pod(name));
});

afterEach(async () => {
  end.abort();
  await done;
});

describe('statuses', () => {
  it('take from the first change until they are told, failures and later changes included', async () => {
    api.faults.set('updatePodStatus', unavailable);
    reports.status(pod('a', 'Pending'));
    await clock.pass(500);
    reports.status(pod('a', 'Running'));
    api.faults.clear();
    await clock.pass(10_000);
    const { values } = await metrics.podStatusSyncDuration.get();
    const figure = (name: string) =>
      values.find(({ metricName }) => metricName === `kubelet_pod_status_sync_duration_seconds_${name}`)?.value;
    expect([figure('count'), figure('sum')]).toEqual([1, 1]);
  });

  it('are told in the order in which pods changed, of each the latest only', async () => {
    const answer = Promise.withResolvers<void>();
    api.faults.set('updatePodStatus', () => answer.promise);
    reports.status(pod('b', 'Running'));
    await clock.pass(0);
    for (const phase of ['Pending', 'Running', 'Succeeded'] as const) reports.status(pod('a', phase));
    reports.status(pod('b', 'Failed'));
    answer.resolve();
    await clock.pass(0);
    expect(updates()).toEqual(['updatePodStatus default/b', 'updatePodStatus default/a', 'updatePodStatus default/b']);
    expect([api.pod('default/a')?.status?.phase, api.pod('default/b')?.status?.phase]).toEqual(['Succeeded', 'Failed']);
  });

  it('are tried again after 1 s, 2 s, 4 s, and hold up no other pod', async () => {
    api.faults.set('updatePodStatus', () => {
      if (api.calls.at(-1)?.endsWith('/a')) unavailable();
    });
    reports.status(pod('a', 'Running'));
    reports.status(pod('b', 'Running'));
    await clock.pass(6900);
    expect(updates().filter((call) => call.endsWith('/a'))).toHaveLength(3);
    expect(api.pod('default/b')?.status?.phase).toBe('Running');
    api.faults.clear();
    await clock.pass(100);
    expect(api.pod('default/a')?.status?.phase).toBe('Running');
  });

  it('of a static pod go to its mirror once there is one, and again to the next', async () => {
    reports.status(pod('static', 'Running'));
    await clock.pass(5000);
    expect(updates()).toEqual([]);
    for (const uid of ['m1', 'm2']) {
      mirrors.set('static', api.put({ ...pod('static'), metadata: { namespace: 'default', name: 'static', uid } }));
      await clock.pass(10_000);
      expect(api.pod('default/static')).toMatchObject({ metadata: { uid }, status: { phase: 'Running' } });
    }
    expect(updates()).toHaveLength(2);
  });

  it('of a pod that is gone are given up', async () => {
    reports.status(pod('gone', 'Running'));
    await clock.pass(60_000);
    expect(updates()).toHaveLength(1);
  });
});

describe('events', () => {
  const event = (reason: string): Event => ({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { namespace: 'default', name: 'x' },
    involvedObject: { kind: 'Pod', namespace: 'default', name: 'a', uid: 'a' },
    reason,
    message: 'why',
  });

  it('go to the API, the same again under the same name', async () => {
    reports.event(event('Pulled'));
    reports.event(event('Pulled'));
    await clock.pass(0);
    expect([...api.events.values()].map(({ reason, count }) => [reason, count])).toEqual([['Pulled', 2]]);
  });

  it.each([
    [{ eventRecordQPS: 1, eventBurst: 2 }, [2, 3]],
    [{ eventRecordQPS: 0, eventBurst: 2 }, [4, 4]],
  ])('with %j go to the API at once, and within a second: %j', async (limits, [atOnce, inASecond]) => {
    const limited = new ClusterReports({ api, metrics, clock, log: pino({ level: 'silent' }), inApi: (asked) => asked, limits });
    const ended = limited.run(end.signal);
    for (const reason of ['Scheduled', 'Pulled', 'Created', 'Started']) limited.event(event(reason));
    await clock.pass(0);
    expect(api.events.size).toBe(atOnce);
    await clock.pass(1000);
    expect(api.events.size).toBe(inASecond);
    end.abort();
    await ended;
  });

  it('are tried again every 10 s, twelve times', async () => {
    api.faults.set('applyEvent', unavailable);
    reports.event(event('Pulled'));
    await clock.pass(60_000);
    expect(api.calls).toHaveLength(7);
    await clock.pass(3_600_000);
    expect(api.calls).toHaveLength(12);
  });

  it('that the API refuses are dropped, and the next one is told', async () => {
    api.faults.set('applyEvent', () => {
      api.faults.clear();
      throw new PluginError('PERMISSION_DENIED', 'no');
    });
    reports.event(event('Pulled'));
    reports.event(event('Created'));
    await clock.pass(0);
    expect([...api.events.values()].map(({ reason }) => reason)).toEqual(['Created']);
  });
});
