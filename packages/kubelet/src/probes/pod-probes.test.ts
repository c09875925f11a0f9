import type { Container, Pod } from '@berth/api/objects';
import { ExecSyncResponse } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { Registry } from 'prom-client';
import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../testing/manual-clock.ts';
import { exited, instance, makePod, observe } from '../../testing/observed-pod.ts';
import type { ContainerInstance, ObservedPod } from '../plan/observed-pod.ts';
import { PodEvents } from '../pod-events.ts';
import type { RuntimeClient } from '../runtime/runtime-client.ts';
import type { PodProbes } from './pod-probes.ts';
import { Probes } from './probes.ts';

const second = 1000;

let clock: ManualClock;
let events: PodEvents;
let registry: Registry;
let probes: Probes;
/** Seconds since the test's start at which each command was run, by its name. */
let runs: Record<string, number[]>;
/** How each command ends. */
let exitCodes: Record<string, number | 'error'>;
let changes: number;
let began: Date;

const exec = (name: string) => ({ exec: { command: [name] } });

beforeEach(() => {
  clock = new ManualClock();
  began = clock.now();
  events = new PodEvents(clock, 'node');
  registry = new Registry();
  probes = new Probes({ registry, events, requestTimeoutMs: second, clock, random: () => 0.5 });
  [runs, exitCodes, changes] = [{}, {}, 0];
});

const runtime = {
  execSync: async ({ cmd: [name = ''] }: { cmd: string[] }) => {
    runs[name] = [...(runs[name] ?? []), (clock.now().getTime() - began.getTime()) / second];
    const exitCode = exitCodes[name] ?? 0;
    if (exitCode === 'error') throw new PluginError('INTERNAL', 'no such shell');
    return ExecSyncResponse.create({ exitCode, stdout: Buffer.from(`${name} said ${exitCode}`) });
  },
};

function probesOf(
  container: Partial<Container>,
  pod: Pod = makePod({ containers: [{ name: 'main', image: 'a:1', ...container }] }),
): { follow(observed: ObservedPod): void; stop(): void } & Pick<PodProbes, 'verdicts' | 'answers'> {
  const of = probes.of(
    { handler: 'runc', runtime } as unknown as RuntimeClient,
    () => '10.0.0.2',
    () => changes++,
  );
  return {
    follow: (observed) => of.follow(pod, observed),
    stop: () => of.stop(),
    get verdicts() {
      return of.verdicts;
    },
    get answers() {
      return of.answers;
    },
  };
}

/** `main` has started just now. */
const running = (more: Partial<ContainerInstance> = {}): ObservedPod =>
  observe({ containers: [instance('main', { createdAt: clock.now(), startedAt: clock.now(), ...more })] });

const told = () => events.list().map(({ reason, message, count }) => [reason, message, count]);

describe('a readiness probe', () => {
  it('begins after its initial delay, runs once a period, and opens the container', async () => {
    const of = probesOf({ readinessProbe: { ...exec('ready'), initialDelaySeconds: 5, periodSeconds: 2, successThreshold: 2 } });
    of.follow(running());
    expect(of.verdicts).toEqual({ 'main-0': { started: true, ready: false } });
    await clock.pass(6 * second);
    expect(of.verdicts['main-0']?.ready).toBe(false);
    await clock.pass(4 * second);
    expect(runs.ready).toEqual([5, 7, 9]);
    expect([of.verdicts['main-0']?.ready, changes]).toEqual([true, 1]);
    of.stop();
  });

  it('closes it again after as many failures as its threshold says, and tells of each', async () => {
    const of = probesOf({ readinessProbe: { ...exec('ready'), periodSeconds: 1, failureThreshold: 3 } });
    of.follow(running());
    await clock.pass(0);
    exitCodes.ready = 1;
    await clock.pass(2 * second);
    expect(of.verdicts['main-0']?.ready).toBe(true);
    await clock.pass(second);
    expect(of.verdicts['main-0']).toEqual({ started: true, ready: false });
    expect(told()).toEqual([['Unhealthy', 'Readiness probe failed: ready said 1', 3]]);
    expect(of.answers).toEqual([{ container: 'main', probe: 'readiness', at: clock.now(), result: 'failure', output: 'ready said 1' }]);
    of.stop();
  });

  it('that cannot be run counts for nothing, and says why', async () => {
    const of = probesOf({ readinessProbe: { ...exec('ready'), periodSeconds: 1, failureThreshold: 1 } });
    of.follow(running());
    await clock.pass(0);
    exitCodes.ready = 'error';
    await clock.pass(3 * second);
    expect(of.verdicts['main-0']?.ready).toBe(true);
    expect(told()).toEqual([['Unhealthy', 'Readiness probe errored and resulted in unknown state: no such shell', 3]]);
    of.stop();
  });
});

describe('a liveness probe', () => {
  const livenessProbe = { ...exec('alive'), periodSeconds: 10, failureThreshold: 2 };

  it('condemns its instance once, and is asked no more', async () => {
    const of = probesOf({ livenessProbe });
    exitCodes.alive = 1;
    of.follow(running());
    await clock.pass(60 * second);
    expect(of.verdicts).toEqual({
      'main-0': { started: true, ready: true, failed: { probe: 'liveness', message: 'alive said 1' } },
    });
    expect([runs.alive, changes]).toEqual([[0, 10], 1]);
    of.stop();
  });

  it('begins anew with the next instance', async () => {
    const of = probesOf({ livenessProbe });
    exitCodes.alive = 1;
    of.follow(running());
    await clock.pass(30 * second);
    of.follow(observe({ containers: [exited('main', 137)] }));
    expect(of.verdicts).toEqual({});
    exitCodes.alive = 0;
    of.follow(running({ id: 'main-1', attempt: 1 }));
    await clock.pass(0);
    expect(of.verdicts).toEqual({ 'main-1': { started: true, ready: true } });
    of.stop();
  });
});

describe('a startup probe', () => {
  const container: Partial<Container> = {
    startupProbe: { ...exec('up'), periodSeconds: 1, failureThreshold: 3 },
    livenessProbe: { ...exec('alive'), periodSeconds: 1 },
    readinessProbe: { ...exec('ready'), periodSeconds: 1 },
  };

  it('keeps the others back until it succeeds, then ends', async () => {
    const of = probesOf(container);
    exitCodes.up = 1;
    of.follow(running());
    await clock.pass(1.5 * second);
    expect([runs, of.verdicts]).toEqual([{ up: [0, 1] }, { 'main-0': { started: false, ready: false } }]);
    exitCodes.up = 0;
    await clock.pass(2 * second);
    expect(runs).toEqual({ up: [0, 1, 2], alive: [2, 3], ready: [2, 3] });
    expect(of.verdicts).toEqual({ 'main-0': { started: true, ready: true } });
    of.stop();
  });

  it('that fails as often as it may condemns the instance', async () => {
    const of = probesOf(container);
    exitCodes.up = 2;
    of.follow(running());
    await clock.pass(10 * second);
    expect(runs).toEqual({ up: [0, 1, 2] });
    expect(of.verdicts['main-0']?.failed).toEqual({ probe: 'startup', message: 'up said 2' });
    of.stop();
  });
});

describe('probes of a pod', () => {
  it('that is to end ask only for readiness', async () => {
    const of = probesOf({ livenessProbe: { ...exec('alive'), periodSeconds: 1 }, readinessProbe: { ...exec('ready'), periodSeconds: 1 } });
    const observed = running();
    of.follow(observed);
    await clock.pass(0);
    of.follow({ ...observed, deletion: { gracePeriodSeconds: 30 } });
    exitCodes = { alive: 1, ready: 1 };
    await clock.pass(5 * second);
    expect(runs.alive).toEqual([0]);
    expect(of.verdicts).toEqual({ 'main-0': { started: true, ready: false } });
    of.stop();
  });

  it('end with it', async () => {
    const of = probesOf({ livenessProbe: { ...exec('alive'), periodSeconds: 1 } });
    of.follow(running());
    await clock.pass(0);
    of.stop();
    await clock.pass(10 * second);
    expect(runs.alive).toEqual([0]);
  });

  it('leave init containers that run to their end alone, and ask sidecars', () => {
    const initContainers = [
      { name: 'first', image: 'a:1', readinessProbe: exec('first') },
      { name: 'proxy', image: 'a:1', restartPolicy: 'Always', readinessProbe: exec('proxy') },
    ];
    const of = probesOf({}, makePod({ initContainers }));
    of.follow(observe({ containers: [instance('first'), instance('proxy')] }));
    expect(Object.keys(of.verdicts)).toEqual(['proxy-0']);
    of.stop();
  });

  it('of an instance from before the kubelet are spread over a period, and go on from what was told', async () => {
    const of = probesOf({ startupProbe: exec('up'), readinessProbe: { ...exec('ready'), periodSeconds: 10 } });
    const observed = running({ startedAt: new Date(began.getTime() - 60_000) });
    const status = { name: 'main', image: 'a:1', imageID: '', restartCount: 0, containerID: 'runc://main-0', started: true, ready: true };
    observed.previous = { containerStatuses: [{ ...status, state: { running: {} } }] };
    of.follow(observed);
    expect(of.verdicts).toEqual({ 'main-0': { started: true, ready: true } });
    await clock.pass(14 * second);
    expect(runs).toEqual({ ready: [5] });
    of.stop();
  });

  it('are counted', async () => {
    const of = probesOf({ livenessProbe: { ...exec('alive'), periodSeconds: 1, failureThreshold: 9 } });
    of.follow(running());
    await clock.pass(second);
    exitCodes.alive = 1;
    await clock.pass(second);
    const metrics = await registry.metrics();
    const labels = 'probe_type="Liveness",container="main",pod="pod",namespace="default",pod_uid="uid"';
    expect(metrics).toContain(`prober_probe_total{${labels},result="successful"} 2\n`);
    expect(metrics).toContain(`prober_probe_total{${labels},result="failed"} 1\n`);
    expect(metrics).toContain(
      'prober_probe_duration_seconds_count{probe_type="Liveness",container="main",pod="pod",namespace="default"} 2\n',
    );
    of.stop();
    expect(await registry.metrics()).not.toContain('pod="pod"');
  });
});
