import type { Container, PodSpec } from '@berth/api/objects';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChangingSource } from '../../testing/changing-source.ts';
import { containerStatus, isReady, TestNode } from '../../testing/node.ts';
import { readMachineFacts } from '../machine/machine-facts.ts';
import type { ResizeRefusal } from '../plan/observed-pod.ts';

let node: TestNode;
let source: ChangingSource;
let refusal: ResizeRefusal | undefined;

beforeEach(async () => {
  refusal = undefined;
  source = new ChangingSource();
  node = await TestNode.create({ sources: [source], admitResize: () => refusal });
  await node.kubelet.start();
});

afterEach(() => node.remove());

const spec = (container: Partial<Container> = {}, more: Partial<PodSpec> = {}): PodSpec => ({
  containers: [{ name: 'main', image: 'a:1', ...container }],
  ...more,
});
const sized = (cpu: string, memory: string, more: Partial<Container> = {}) =>
  spec({ resources: { requests: { cpu, memory }, limits: { cpu, memory } }, ...more });
const until = (isSo: Parameters<TestNode['until']>[1]) => node.until('a', isSo);
const restarts = (count: number) => until((pod) => containerStatus(pod, 'main')?.restartCount === count && isReady(pod));
const pending = (reason: string) =>
  until(
    ({ status }) => status?.conditions?.some((condition) => condition.type === 'PodResizePending' && condition.reason === reason) ?? false,
  );
const settled = () => until(({ status }) => !status?.conditions?.some(({ type }) => type.startsWith('PodResize')));
const told = (reason: string) => node.kubelet.events().find((event) => event.reason === reason)?.message;

const other = (cpu: string): PodSpec => ({
  containers: [{ name: 'other', image: 'a:1', resources: { requests: { cpu }, limits: { cpu } } }],
  restartPolicy: 'Never',
});

describe('a pod that changes in place', () => {
  it('has a container restarted whose image has changed, and no other', async () => {
    const side = { name: 'side', image: 'a:1' };
    source.put('a', { containers: [...spec().containers, side] });
    await until(isReady);
    source.put('a', { containers: [...spec({ image: 'a:2' }).containers, side] });
    const pod = await restarts(1);
    expect(containerStatus(pod, 'main')?.image).toBe('a:2');
    expect(containerStatus(pod, 'side')?.restartCount).toBe(0);
    expect(told('Killing')).toBe('Container main definition changed, will be restarted');
    expect(node.runtime.calls.filter((call) => call.startsWith('RunPodSandbox'))).toHaveLength(1);
  });

  it('is not touched by what asks for nothing', async () => {
    source.put('a', spec());
    await until(isReady);
    const before = node.runtime.calls.length;
    source.put('a', spec(), { labels: { tier: 'front' }, generation: 2 });
    const pod = await until(({ status }) => status?.observedGeneration === 2);
    expect(pod.metadata?.labels).toEqual({ tier: 'front' });
    expect(node.runtime.calls.length).toBe(before);
  });

  it('runs an ephemeral container beside the others, once', async () => {
    source.put('a', spec());
    await until(isReady);
    node.runtime.behaviours.set('debug', { exitAfterMs: 20, exitCode: 3 });
    source.put('a', spec({}, { ephemeralContainers: [{ name: 'debug', image: 'tools:1', targetContainerName: 'main' }] }));
    const pod = await until((candidate) => containerStatus(candidate, 'debug')?.state?.terminated?.exitCode === 3);
    expect(pod.status?.phase).toBe('Running');
    const [main, debug] = [...node.runtime.containers.values()];
    expect(debug?.config.linux?.securityContext?.namespaceOptions?.targetId).toBe(main?.id);
    source.put('a', spec({}, { ephemeralContainers: [{ name: 'debug', image: 'tools:1' }] }), { labels: { seen: 'yes' } });
    await until(({ metadata }) => metadata?.labels?.seen === 'yes');
    expect(node.runtime.calls.filter((call) => call === 'StartContainer debug')).toHaveLength(1);
  });

  it('ends by the deadline that it gets later', async () => {
    source.put('a', spec());
    await until(isReady);
    source.put('a', spec({}, { activeDeadlineSeconds: 1 }));
    await until(({ status }) => status?.reason === 'DeadlineExceeded');
  });

  it('ends when it has a deletionTimestamp, within a grace period that can only shrink', async () => {
    node.runtime.behaviours.set('main', { ignoresStop: true });
    source.put('a', spec());
    await until(isReady);
    const deletionTimestamp = '2026-11-22T00:00:00Z';
    source.put('a', spec(), { deletionTimestamp, deletionGracePeriodSeconds: 600 });
    await expect.poll(() => node.runtime.calls.filter((call) => call === 'StopContainer main')).toHaveLength(1);
    source.put('a', spec(), { deletionTimestamp, deletionGracePeriodSeconds: 900 });
    source.put('a', spec(), { deletionTimestamp, deletionGracePeriodSeconds: 1 });
    await expect.poll(() => node.runtime.calls.filter((call) => call === 'StopContainer main')).toHaveLength(2);
    await expect.poll(() => node.runtime.sandboxes.size).toBe(0);
  });
});

describe('a pod that asks for other resources', () => {
  const resourcesOf = () =>
    [...node.runtime.containers.values()].findLast(({ config }) => config.metadata?.name === 'main')?.config.linux?.resources;

  beforeEach(async () => {
    source.put('a', sized('100m', '64Mi'));
    await until(isReady);
  });

  it('gets them without a restart, and its status says so', async () => {
    source.put('a', sized('200m', '128Mi'));
    const pod = await until((candidate) => containerStatus(candidate, 'main')?.resources?.limits?.cpu === '200m');
    expect(containerStatus(pod, 'main')).toMatchObject({ restartCount: 0, allocatedResources: { cpu: '200m', memory: '128Mi' } });
    expect(resourcesOf()).toMatchObject({ cpuQuota: 20_000n, memoryLimitInBytes: 128n << 20n });
    expect(told('ResizeCompleted')).toContain('main');
  });

  it('keeps those that it got when the kubelet restarts', async () => {
    source.put('a', sized('200m', '128Mi'));
    await expect.poll(() => told('ResizeCompleted')).toBeDefined();
    await node.kubelet.stop({ removePods: false });
    source = new ChangingSource();
    source.put('a', sized('200m', '128Mi'));
    node.replaceKubelet({ sources: [source] });
    await node.kubelet.start();
    const pod = await until((candidate) => containerStatus(candidate, 'main')?.resources?.limits?.cpu === '200m');
    expect([isReady(pod), containerStatus(pod, 'main')?.restartCount]).toEqual([true, 0]);
    expect(node.runtime.calls.filter((call) => call === 'UpdateContainerResources main')).toHaveLength(1);
  });

  it('is restarted for them where its resizePolicy says so', async () => {
    const resizePolicy = [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }];
    source.put('a', sized('100m', '128Mi', { resizePolicy }));
    await restarts(1);
    expect(told('Killing')).toBe('Container main resize requires restart, will be restarted');
    expect(resourcesOf()).toMatchObject({ memoryLimitInBytes: 128n << 20n });
  });

  it('waits as long as the node defers it, and gets them then', async () => {
    refusal = { reason: 'Deferred', message: "Node didn't have enough resource: cpu" };
    source.put('a', sized('900m', '64Mi'));
    const pod = await pending('Deferred');
    expect(containerStatus(pod, 'main')?.resources?.limits?.cpu).toBe('100m');
    expect(told('ResizeDeferred')).toContain('enough resource');
    refusal = undefined;
    source.put('a', sized('900m', '64Mi'), { labels: { again: 'yes' } });
    await settled();
    expect(resourcesOf()).toMatchObject({ cpuQuota: 90_000n });
  });

  it.each<[how: string, free: () => void]>([
    ['ends', () => source.remove('b')],
    ['completes', () => node.runtime.exit('other', 0)],
    ['is resized to less', () => source.put('b', other('100m'))],
  ])('gets what the node has no room for as soon as another pod %s', async (_how, free) => {
    await node.remove();
    source = new ChangingSource();
    source.put('a', sized('100m', '64Mi'));
    source.put('b', other('800m'));
    const machine = { ...readMachineFacts(), cpus: 1 };
    // Without lists nothing but the other pod's end or resize wakes the one that waits.
    node = await TestNode.create({ sources: [source], machine, intervals: { relistMs: 60_000, housekeepingMs: 50 } });
    node.runtime.events.served = true;
    await node.kubelet.start();
    await Promise.all(['a', 'b'].map((name) => node.until(name, isReady)));
    source.put('a', sized('900m', '64Mi'));
    await pending('Deferred');
    free();
    await until((candidate) => containerStatus(candidate, 'main')?.resources?.limits?.cpu === '900m');
  });

  it('is told that it never gets them, and runs on as it is', async () => {
    refusal = { reason: 'Infeasible', message: "Node didn't have enough capacity: cpu" };
    source.put('a', sized('900', '64Mi'));
    const pod = await pending('Infeasible');
    expect(pod.spec?.containers[0]?.resources?.limits?.cpu).toBe('900');
    expect(isReady(pod)).toBe(true);
    expect(node.runtime.calls).not.toContain('UpdateContainerResources main');
  });

  it('is not shrunk below the memory that it uses, until it uses less', async () => {
    node.runtime.figures.memory = 60n << 20n;
    source.put('a', sized('100m', '32Mi'));
    const pod = await until(
      ({ status }) => status?.conditions?.some(({ type, reason }) => type === 'PodResizeInProgress' && reason === 'Error') ?? false,
    );
    const condition = pod.status?.conditions?.find(({ type }) => type === 'PodResizeInProgress');
    expect(condition?.message).toContain(`attempting to set memory limit (${32 << 20}) below current usage (${60 << 20})`);
    expect(resourcesOf()).toMatchObject({ memoryLimitInBytes: 64n << 20n });
    node.runtime.figures.memory = 10n << 20n;
    await settled();
    expect(resourcesOf()).toMatchObject({ memoryLimitInBytes: 32n << 20n });
  });
});

describe('a container that ends', () => {
  it('has its termination message in its status', async () => {
    node.runtime.behaviours.set('main', { exitAfterMs: 5, exitCode: 1, lastWords: 'out of luck' });
    source.put('a', spec({}, { restartPolicy: 'Never' }));
    const pod = await until(({ status }) => status?.phase === 'Failed');
    expect(containerStatus(pod, 'main')?.state?.terminated?.message).toBe('out of luck');
  });
});

describe('sidecars', () => {
  it('start in order, do not hold up the end of their pod, and end after its containers in reverse order', async () => {
    node.runtime.behaviours.set('main', { exitAfterMs: 150 });
    node.runtime.behaviours.set('set-up', { exitAfterMs: 20 });
    const sidecar = (name: string) => ({ name, image: 'a:1', restartPolicy: 'Always' });
    const initContainers = [sidecar('mesh'), { name: 'set-up', image: 'a:1' }, sidecar('logs')];
    source.put('a', spec({}, { initContainers, restartPolicy: 'Never' }));
    await until(({ status }) => status?.phase === 'Succeeded');
    const order = node.runtime.calls.filter((call) => /^(StartContainer|StopContainer) /.test(call));
    expect(order).toEqual([
      'StartContainer mesh',
      'StartContainer set-up',
      'StartContainer logs',
      'StartContainer main',
      'StopContainer logs',
      'StopContainer mesh',
    ]);
  });

  it('are all restarted, the init containers too, when a container asks for RestartAllContainers', async () => {
    node.runtime.behaviours.set('set-up', { exitAfterMs: 10 });
    const restartPolicyRules = [{ action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [88] } }];
    const watcher = { name: 'watcher', image: 'a:1', restartPolicy: 'Never', restartPolicyRules };
    const initContainers = [
      { name: 'set-up', image: 'a:1' },
      { name: 'mesh', image: 'a:1', restartPolicy: 'Always' },
    ];
    source.put('a', { initContainers, containers: [...spec().containers, watcher] });
    await until(isReady);
    node.runtime.exit('watcher', 88);
    const pod = await restarts(1);
    expect(['set-up', 'mesh', 'watcher'].map((name) => containerStatus(pod, name)?.restartCount)).toEqual([1, 1, 1]);
    expect(node.runtime.calls.filter((call) => call.startsWith('RunPodSandbox'))).toHaveLength(1);
  });
});
