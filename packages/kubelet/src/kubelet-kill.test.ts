import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pod } from '@berth/api/objects';
import { ContainerState } from '@berth/sdk/cri';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { containerStatus, podYaml } from '../testing/node.ts';
import { TimerRuntime } from '../testing/timer-runtime.ts';

const program = join(import.meta.dirname, '../testing/kubelet-process.ts');
const changes = [
  'RunPodSandbox',
  'PullImage',
  'CreateContainer',
  'StartContainer',
  'StopPodSandbox',
  'RemovePodSandbox',
  'RemoveContainer',
];

let directory: string;
let runtime: TimerRuntime;
let kubelet: ChildProcess | undefined;
/** What no moment of a kubelet's death may lead to. */
let violations: string[];
/** The kubelet is killed when the runtime has been asked for so many changes; the runtime does what it was asked all the same. */
let killAfter: number;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'berth-kill-'));
  mkdirSync(join(directory, 'manifests'));
  runtime = new TimerRuntime(directory);
  await runtime.open();
  violations = [];
  killAfter = Number.POSITIVE_INFINITY;
  for (const change of changes) runtime.faults.set(change, () => noteChange());
});

afterEach(async () => {
  kubelet?.kill('SIGKILL');
  runtime.dispose();
  await runtime.close();
  rmSync(directory, { recursive: true });
});

function noteChange(): void {
  const alive = [...runtime.containers.values()].filter(({ state }) => state === ContainerState.CONTAINER_RUNNING);
  const names = alive.map(({ config }) => `${config.labels['io.kubernetes.pod.uid']} ${config.metadata?.name}`);
  violations.push(...names.filter((name, index) => names.indexOf(name) !== index).map((name) => `runs twice: ${name}`));
  const attempts = [...runtime.containers.values()].map(
    ({ config }) => `${config.labels['io.kubernetes.pod.uid']} ${config.metadata?.name} ${config.metadata?.attempt}`,
  );
  violations.push(...attempts.filter((each, index) => attempts.indexOf(each) !== index).map((each) => `made twice: ${each}`));
  if (--killAfter === 0) kubelet?.kill('SIGKILL');
}

function start(): ChildProcess {
  return spawn(process.execPath, ['--conditions=berth-source', program, directory, runtime.address], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function pods(): Promise<Pod[]> {
  const { promise, resolve } = Promise.withResolvers<Pod[]>();
  const asked = request({ socketPath: join(directory, 'run/kubelet.sock'), path: '/pods' }, (response) => {
    let body = '';
    response.on('data', (chunk) => {
      body += chunk;
    });
    response.once('end', () => resolve((JSON.parse(body) as { items: Pod[] }).items));
  });
  asked.once('error', () => resolve([])).end();
  return promise;
}

const podNamed = async (name: string) => (await pods()).find(({ metadata }) => metadata?.name === name);
const write = (name: string, spec: string) => writeFileSync(join(directory, 'manifests', `${name}.yaml`), podYaml(name, spec));
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
  write('plain', '  containers: [{name: one, image: a}, {name: two, image: b}]\n');
  write('init', '  initContainers: [{name: copy, image: a}]\n  containers: [{name: main, image: a}]\n');
  write('job', '  restartPolicy: Never\n  containers: [{name: job, image: a}]\n');
  write('passing', '  containers: [{name: passing, image: a}]\n');
  for (const [index, { changes: count, ms, at }] of fc.sample(life, { seed, numRuns: 6 }).entries()) {
    killAfter = at === 'change' ? count : Number.POSITIVE_INFINITY;
    kubelet = start();
    const died = once(kubelet, 'exit');
    await Promise.race([died, once(kubelet.stdout as NodeJS.ReadableStream, 'data')]);
    await Promise.race([died, sleep(at === 'change' ? 700 : ms)]);
    kubelet.kill('SIGKILL');
    await died;
    if (index === 3) rmSync(join(directory, 'manifests/passing.yaml'));
  }
  killAfter = Number.POSITIVE_INFINITY;
  kubelet = start();
  const names = () => [...runtime.sandboxes.values()].map(({ config }) => config.metadata?.name).toSorted();
  const phases = async () => Object.fromEntries((await pods()).map(({ metadata, status }) => [metadata?.name, status?.phase]));
  await expect.poll(phases, { timeout: 15_000 }).toEqual({ init: 'Running', job: 'Succeeded', plain: 'Running' });
  await expect.poll(names).toEqual(['init', 'job', 'plain']);
  expect(violations, `seed ${seed}`).toEqual([]);
  expect([startsOf('job'), startsOf('one'), startsOf('two'), startsOf('main')], `starts, seed ${seed}`).toEqual([1, 1, 1, 1]);
  await expect.poll(() => readdirSync(join(directory, 'kubelet/pods')).length, { message: `directories, seed ${seed}` }).toBe(2);
  await expect.poll(() => readdirSync(join(directory, 'kubelet/pod-memories')).length).toBe(3);
});

it('a start that outlives the kubelet which asked for it is not made twice', { timeout: 30_000 }, async () => {
  const again = Promise.withResolvers<void>();
  const asked: number[] = [];
  runtime.faults.set('StartContainer', async () => {
    if (asked.push(runtime.containers.size) > 1) again.resolve();
    else kubelet?.kill('SIGKILL');
    await again.promise;
  });
  write('slow', '  containers: [{name: main, image: a}]\n');
  kubelet = start();
  await once(kubelet, 'exit');
  kubelet = start();
  const status = async () => {
    const pod = await podNamed('slow');
    return pod && containerStatus(pod, 'main');
  };
  await expect.poll(async () => (await status())?.state?.running).toBeDefined();
  expect((await status())?.restartCount).toBe(0);
  expect([asked, runtime.containers.size]).toEqual([[1, 1], 1]);
});

it('restart counts, back-off and the start time go on after a kill', { timeout: 30_000 }, async () => {
  runtime.behaviours.set('main', { exitAfterMs: 10, exitCode: 1 });
  write('crashing', '  containers: [{name: main, image: a}]\n');
  kubelet = start();
  const status = async () => {
    const pod = await podNamed('crashing');
    return pod && containerStatus(pod, 'main');
  };
  await expect.poll(async () => (await status())?.restartCount).toBe(1);
  await expect.poll(async () => (await status())?.state?.waiting?.reason).toBe('CrashLoopBackOff');
  const before = await podNamed('crashing');
  const died = once(kubelet, 'exit');
  kubelet.kill('SIGKILL');
  await died;
  const starts = startsOf('main');
  kubelet = start();
  await expect.poll(async () => (await podNamed('crashing'))?.status?.startTime).toBe(before?.status?.startTime);
  const waiting = before && containerStatus(before, 'main')?.state?.waiting;
  expect(waiting?.message).toMatch(/^back-off 20s/);
  await expect.poll(async () => (await status())?.state?.waiting).toEqual(waiting);
  expect([(await status())?.restartCount, startsOf('main')]).toEqual([1, starts]);
});
