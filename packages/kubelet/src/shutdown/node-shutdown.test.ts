import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ContainerState, ListContainersRequest } from '@berth/sdk/cri';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { isReady, podYaml, TestNode } from '../../testing/node.ts';

let node: TestNode;

const shutdown = { shutdownGracePeriod: 20, shutdownGracePeriodCriticalPods: 10 };
const manifest = (name: string, priority: number) =>
  podYaml(name, `  priority: ${priority}\n  terminationGracePeriodSeconds: 1\n  containers: [{name: ${name}, image: a}]\n`);

beforeEach(async () => {
  node = await TestNode.create({ shutdown });
  await mkdir(join(node.root, 'manifests'));
  await node.write('manifests/critical.yaml', manifest('critical', 2_000_000_000));
  await node.write('manifests/web.yaml', manifest('web', 0));
});

afterEach(() => node.remove());

async function start(): Promise<void> {
  await node.kubelet.start();
  await Promise.all(['critical', 'web'].map((name) => node.until(name, isReady)));
}

const stops = () => node.runtime.calls.filter((call) => call.startsWith('StopContainer'));

it('the pods of the lower priority end first, and all stay as failed ones', async () => {
  node.runtime.behaviours.set('web', { ignoresStop: true });
  await start();
  const ended: string[] = [];
  node.kubelet.onStatus((pod) => {
    if (pod?.status?.phase === 'Failed' && !ended.includes(pod.metadata?.name ?? '')) ended.push(pod.metadata?.name ?? '');
  });
  expect(await node.kubelet.stop({ removePods: false, nodeShutsDown: true })).toEqual([]);
  expect([stops(), ended]).toEqual([
    ['StopContainer web', 'StopContainer critical'],
    ['web', 'critical'],
  ]);
  expect(node.pod('web')?.status).toMatchObject({
    phase: 'Failed',
    reason: 'Terminated',
    message: 'Pod was terminated in response to imminent node shutdown.',
    conditions: expect.arrayContaining([
      expect.objectContaining({ type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet' }),
    ]),
  });
  const events = node.kubelet.events().map(({ reason, involvedObject }) => `${involvedObject.kind} ${reason}`);
  expect(events).toContain('Node Shutdown');
  expect(events).not.toContain('Pod Terminated');
  const state = JSON.parse(await readFile(join(node.root, 'kubelet/graceful_node_shutdown_state'), 'utf8')) as Record<string, string>;
  expect(Date.parse(state.endTime ?? '')).toBeGreaterThanOrEqual(Date.parse(state.startTime ?? ''));
});

it('a pod that comes while the node shuts down is refused', async () => {
  node.runtime.behaviours.set('web', { ignoresStop: true });
  await start();
  const stopped = node.kubelet.stop({ removePods: false, nodeShutsDown: true });
  await node.write('manifests/late.yaml', manifest('late', 0));
  const late = await node.until('late', ({ status }) => status?.phase === 'Failed');
  expect(late.status).toMatchObject({ reason: 'NodeShutdown', message: expect.stringContaining('the node is shutting down') });
  await stopped;
});

it('the node is not ready from the beginning of its shutdown on, though it is well', async () => {
  node.runtime.behaviours.set('web', { ignoresStop: true });
  await start();
  const ready = () => node.kubelet.self().status?.conditions?.find(({ type }) => type === 'Ready');
  await expect.poll(ready).toMatchObject({ status: 'True' });
  const stopped = node.kubelet.stop({ removePods: false, nodeShutsDown: true });
  await expect.poll(ready).toMatchObject({ status: 'False', reason: 'KubeletNotReady', message: 'node is shutting down' });
  expect(await node.get('/healthz')).toMatchObject({ status: 200 });
  expect(node.kubelet.events().map(({ reason }) => reason)).toContain('NodeNotReady');
  await stopped;
});

it("a pod that ignores SIGTERM until its group's time is over has ended before the kubelet has", async () => {
  await node.remove();
  node = await TestNode.create({ shutdown: { shutdownGracePeriodByPodPriority: [{ priority: 0, shutdownGracePeriodSeconds: 1 }] } });
  await mkdir(join(node.root, 'manifests'));
  await node.write('manifests/web.yaml', manifest('web', 0));
  node.runtime.behaviours.set('web', { ignoresStop: true });
  await node.kubelet.start();
  await node.until('web', isReady);
  expect(await node.kubelet.stop({ removePods: false, nodeShutsDown: true })).toEqual([]);
  const { containers } = await node.client.runtime.listContainers(ListContainersRequest.create());
  expect(containers.map(({ state }) => state)).toEqual([ContainerState.CONTAINER_EXITED]);
});

it('after it the pods begin anew, and the metrics tell when it was', async () => {
  await start();
  await node.kubelet.stop({ removePods: false, nodeShutsDown: true });
  node.replaceKubelet({ shutdown });
  await start();
  const { body } = await node.get('/metrics');
  const times = ['start', 'end'].map((which) => new RegExp(`^kubelet_graceful_shutdown_${which}_time_seconds (.*)$`, 'm').exec(body)?.[1]);
  expect(Number(times[0])).toBeGreaterThan(1.7e9);
  expect(Number(times[1])).toBeGreaterThanOrEqual(Number(times[0]));
  expect(node.runtime.calls.filter((call) => call === 'RunPodSandbox web')).toHaveLength(2);
});

it('without a period the pods go on', async () => {
  await node.remove();
  node = await TestNode.create();
  await mkdir(join(node.root, 'manifests'));
  await node.write('manifests/web.yaml', manifest('web', 0));
  await node.kubelet.start();
  await node.until('web', isReady);
  await node.kubelet.stop({ removePods: false, nodeShutsDown: true });
  expect(stops()).toEqual([]);
});
