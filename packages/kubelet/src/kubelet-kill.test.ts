import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ContainerState } from '@berth/sdk/cri';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { KillableKubelet } from '../testing/killable-kubelet.ts';
import { containerStatus } from '../testing/node.ts';
import type { TimerRuntime } from '../testing/timer-runtime.ts';

const changes = [
  'RunPodSandbox',
  'PullImage',
  'CreateContainer',
  'StartContainer',
  'StopPodSandbox',
  'RemovePodSandbox',
  'RemoveContainer',
];

let kubelet: KillableKubelet;
let runtime: TimerRuntime;
/** What no moment of a kubelet's death may lead to. */
let violations: string[];
/** The kubelet is killed when the runtime has been asked for so many changes; the runtime does what it was asked all the same. */
let killAfter: number;

beforeEach(async () => {
  kubelet = await KillableKubelet.create();
  ({ runtime } = kubelet);
  violations = [];
  killAfter = Number.POSITIVE_INFINITY;
  for (const change of changes) runtime.faults.set(change, () => noteChange());
});

afterEach(() => kubelet.close());

function noteChange(): void {
  const alive = [...runtime.containers.values()].filter(({ state }) => state === ContainerState.CONTAINER_RUNNING);
  const names = alive.map(({ config }) => `${config.labels['io.kubernetes.pod.uid']} ${config.metadata?.name}`);
  violations.push(...names.filter((name, index) => names.indexOf(name) !== index).map((name) => `runs twice: ${name}`));
  const attempts = [...runtime.containers.values()].map(
    ({ config }) => `${config.labels['io.kubernetes.pod.uid']} ${config.metadata?.name} ${config.metadata?.attempt}`,
  );
  violations.push(...attempts.filter((each, index) => attempts.indexOf(each) !== index).map((each) => `made twice: ${each}`));
  if (--killAfter === 0) kubelet.kill();
}

const startsOf = (container: string) => runtime.calls.filter((call) => call === `StartContainer ${container}`).length;

/** A kubelet's life: how long it is at most, and how many changes it may ask for. */
const life = fc.record({
  changes: fc.integer({ min: 1, max: 12 }),
  ms: fc.integer({ min: 1, max: 900 }),
  at: fc.constantFrom('change', 'time'),
});

it('a kubelet that is killed at any moment restarts nothing, starts nothing twice and leaves nothing over', {
  timeout: 60_000,
}, async () => {
  const seed = Date.now() % 2 ** 31;
  runtime.behaviours.set('copy', { exitAfterMs: 30 });
  runtime.behaviours.set('job', { exitAfterMs: 30 });
  kubelet.write('plain', '  containers: [{name: one, image: a}, {name: two, image: b}]\n');
  kubelet.write('init', '  initContainers: [{name: copy, image: a}]\n  containers: [{name: main, image: a}]\n');
  kubelet.write('job', '  restartPolicy: Never\n  containers: [{name: job, image: a}]\n');
  kubelet.write('passing', '  containers: [{name: passing, image: a}]\n');
  for (const [index, { changes: count, ms, at }] of fc.sample(life, { seed, numRuns: 6 }).entries()) {
    killAfter = at === 'change' ? count : Number.POSITIVE_INFINITY;
    await kubelet.start();
    await Promise.race([kubelet.died(), sleep(at === 'change' ? 700 : ms)]);
    kubelet.kill();
    await kubelet.died();
    if (index === 3) rmSync(join(kubelet.directory, 'manifests/passing.yaml'));
  }
  killAfter = Number.POSITIVE_INFINITY;
  await kubelet.start();
  const names = () => [...runtime.sandboxes.values()].map(({ config }) => config.metadata?.name).toSorted();
  const phases = async () => Object.fromEntries((await kubelet.pods()).map(({ metadata, status }) => [metadata?.name, status?.phase]));
  await expect.poll(phases, { timeout: 15_000 }).toEqual({ init: 'Running', job: 'Succeeded', plain: 'Running' });
  await expect.poll(names).toEqual(['init', 'job', 'plain']);
  expect(violations, `seed ${seed}`).toEqual([]);
  expect([startsOf('job'), startsOf('one'), startsOf('two'), startsOf('main')], `starts, seed ${seed}`).toEqual([1, 1, 1, 1]);
  await expect.poll(() => readdirSync(join(kubelet.directory, 'kubelet/pods')).length, { message: `directories, seed ${seed}` }).toBe(2);
  await expect.poll(() => readdirSync(join(kubelet.directory, 'kubelet/pod-memories')).length).toBe(3);
});

it('a start that outlives the kubelet which asked for it is not made twice', { timeout: 30_000 }, async () => {
  const again = Promise.withResolvers<void>();
  const asked: number[] = [];
  runtime.faults.set('StartContainer', async () => {
    if (asked.push(runtime.containers.size) > 1) again.resolve();
    else kubelet.kill();
    await again.promise;
  });
  kubelet.write('slow', '  containers: [{name: main, image: a}]\n');
  await kubelet.start();
  await kubelet.died();
  await kubelet.start();
  const status = async () => {
    const pod = await kubelet.pod('slow');
    return pod && containerStatus(pod, 'main');
  };
  await expect.poll(async () => (await status())?.state?.running).toBeDefined();
  expect((await status())?.restartCount).toBe(0);
  expect([asked, runtime.containers.size]).toEqual([[1, 1], 1]);
});

it('restart counts, back-off and the start time go on after a kill', { timeout: 30_000 }, async () => {
  runtime.behaviours.set('main', { exitAfterMs: 10, exitCode: 1 });
  kubelet.write('crashing', '  containers: [{name: main, image: a}]\n');
  await kubelet.start();
  const status = async () => {
    const pod = await kubelet.pod('crashing');
    return pod && containerStatus(pod, 'main');
  };
  await expect.poll(async () => (await status())?.restartCount).toBe(1);
  await expect.poll(async () => (await status())?.state?.waiting?.reason).toBe('CrashLoopBackOff');
  const before = await kubelet.pod('crashing');
  kubelet.kill();
  await kubelet.died();
  const starts = startsOf('main');
  await kubelet.start();
  await expect.poll(async () => (await kubelet.pod('crashing'))?.status?.startTime).toBe(before?.status?.startTime);
  const waiting = before && containerStatus(before, 'main')?.state?.waiting;
  expect(waiting?.message).toMatch(/^back-off 20s/);
  await expect.poll(async () => (await status())?.state?.waiting).toEqual(waiting);
  expect([(await status())?.restartCount, startsOf('main')]).toEqual([1, starts]);
});
