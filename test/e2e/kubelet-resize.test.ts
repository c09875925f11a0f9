import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Container, ContainerStatus, PodCondition } from '@berth/api/objects';
import { Kubelet } from '@berth/kubelet/kubelet';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { connectRuntime, type RuntimeConnection } from '../../packages/cli/src/node/runtime-connection.ts';
import { ChangingSource } from '../../packages/kubelet/testing/changing-source.ts';
import { cgroupValues } from '../fixtures/cgroups.ts';
import { type CriServer, criServers } from '../fixtures/cri-servers.ts';
import { expectHostState, type HostState, readHostState } from '../fixtures/host-state.ts';
import { skipIfMissing } from '../fixtures/node-requirements.ts';
import { busyboxPod } from '../fixtures/pod-manifests.ts';

const cgroupRoot = `/berth-resize-${process.pid}`;
const amounts = (cpu: string, memory: string) => ({ requests: { cpu, memory }, limits: { cpu, memory } });

/** A manifest that has changed is another pod, as with kubelet: only those of an API server change in place, which a source stands for here. */
describe.each(criServers)('pods that ask for other resources, on $name', ({ name: handler, missing, start }) => {
  let root: string;
  let before: HostState;
  let server: CriServer | undefined;
  let connection: RuntimeConnection | undefined;
  let kubelet: Kubelet;
  const source = new ChangingSource();

  beforeEach(skipIfMissing(missing));

  beforeAll(async () => {
    if (missing() !== undefined) return;
    before = readHostState();
    root = await mkdtemp(join(tmpdir(), 'berth-resize-'));
    server = await start();
    connection = connectRuntime(server.endpoint, { deadlineMs: 120_000 });
    kubelet = new Kubelet({
      nodeName: 'here',
      run: join(root, 'run'),
      kubeletRoot: join(root, 'kubelet'),
      podLogsDir: join(root, 'logs'),
      runtimes: new Map([[handler, { handler, runtimeHandler: '', ...connection }]]),
      defaultHandler: handler,
      runtimeClasses: [],
      sources: [source],
      cgroupRoot,
      evented: false,
      log: pino({ level: process.env.LOG_LEVEL ?? 'silent' }),
    });
    await kubelet.start();
  });

  afterAll(async () => {
    if (missing() !== undefined) return;
    await kubelet?.stop({ gracefully: true });
    connection?.close();
    await server?.stop();
    await rm(root, { recursive: true, force: true });
    await expectHostState(before);
  });

  /** The pod of this name as it is to be from now on. */
  function ask(name: string, cpu: string, memory: string, container: Partial<Container> = {}): void {
    const asked = busyboxPod(name, { command: ['sleep', '600'], resources: amounts(cpu, memory), ...container }, { hostNetwork: true });
    source.put(name, asked.spec as NonNullable<typeof asked.spec>);
  }

  const statusOf = (name: string) => kubelet.pods().find(({ metadata }) => metadata?.name === name)?.status;
  const containerOf = (name: string) => statusOf(name)?.containerStatuses?.[0];
  const resizesOf = (name: string) => statusOf(name)?.conditions?.filter(({ type }) => type.startsWith('PodResize'));
  const poll = <Value>(read: () => Value) => expect.poll(read, { timeout: 60_000 });

  /** A pod that runs with these resources. */
  async function running(name: string, cpu: string, memory: string, container: Partial<Container> = {}): Promise<ContainerStatus> {
    ask(name, cpu, memory, container);
    await poll(() => containerOf(name)).toMatchObject({ ready: true, restartCount: 0, resources: amounts(cpu, memory) });
    return containerOf(name) as ContainerStatus;
  }

  /** What the kernel keeps the pod and its container to. */
  function limitsOf(name: string): { pod: string[]; container: string[] } {
    const [, id] = (containerOf(name)?.containerID ?? '').split('://');
    const limits = (path: string) => [
      ...cgroupValues(path, 'cpu.cfs_quota_us', 'cpu.max').map((quota) => quota.replace(/ .*/, '')),
      ...cgroupValues(path, 'cpu.shares', 'cpu.weight'),
      ...cgroupValues(path, 'memory.limit_in_bytes', 'memory.max'),
    ];
    const pod = `${cgroupRoot}/kubepods/pod${name}`;
    return { pod: limits(pod), container: limits(`${pod}/${id}`) };
  }

  const limits = (quota: string, shares: RegExp, memory: number) => {
    const expected = [quota, expect.stringMatching(shares), String(memory * 2 ** 20)];
    return { pod: expected, container: expected };
  };

  it('get more and less of them in place, and the status follows', async () => {
    const { containerID } = await running('changing', '100m', '32Mi');
    expect(limitsOf('changing')).toEqual(limits('10000', /^(102|4)$/, 32));
    ask('changing', '200m', '64Mi');
    await poll(() => containerOf('changing')).toMatchObject({
      resources: amounts('200m', '64Mi'),
      allocatedResources: { cpu: '200m', memory: '64Mi' },
    });
    expect(limitsOf('changing')).toEqual(limits('20000', /^(204|8)$/, 64));
    ask('changing', '100m', '48Mi');
    await poll(() => containerOf('changing')?.resources).toEqual(amounts('100m', '48Mi'));
    expect(limitsOf('changing')).toEqual(limits('10000', /^(102|4)$/, 48));
    expect(containerOf('changing')).toMatchObject({ containerID, restartCount: 0, ready: true });
    await poll(() => resizesOf('changing')).toEqual([]);
    expect(kubelet.events().filter(({ reason }) => reason === 'ResizeCompleted')).not.toEqual([]);
  });

  it('have a container restarted for those for which its resizePolicy says so, and only for those', async () => {
    const more: Partial<Container> = { resizePolicy: [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }] };
    const { containerID } = await running('restarting', '100m', '32Mi', more);
    ask('restarting', '200m', '32Mi', more);
    await poll(() => containerOf('restarting')?.resources).toEqual(amounts('200m', '32Mi'));
    expect(containerOf('restarting')).toMatchObject({ containerID, restartCount: 0 });
    ask('restarting', '200m', '64Mi', more);
    await poll(() => containerOf('restarting')).toMatchObject({ ready: true, restartCount: 1, resources: amounts('200m', '64Mi') });
    expect(containerOf('restarting')?.containerID).not.toBe(containerID);
    expect(limitsOf('restarting')).toEqual(limits('20000', /^(204|8)$/, 64));
  });

  it('are told that the node will never have as much, and keep what they have', async () => {
    const { containerID } = await running('greedy', '100m', '32Mi');
    ask('greedy', String(cpus().length + 1), '32Mi');
    await poll(() => resizesOf('greedy')).toEqual([
      expect.objectContaining<Partial<PodCondition>>({
        type: 'PodResizePending',
        status: 'True',
        reason: 'Infeasible',
        message: `Node didn't have enough capacity: cpu, requested: ${cpus().length + 1}000, capacity: ${cpus().length}000`,
      }),
    ]);
    expect(containerOf('greedy')).toMatchObject({ containerID, restartCount: 0, resources: amounts('100m', '32Mi') });
    expect(limitsOf('greedy')).toEqual(limits('10000', /^(102|4)$/, 32));
    ask('greedy', '100m', '32Mi');
    await poll(() => resizesOf('greedy')).toEqual([]);
  });

  it('wait for what others have, say so, and get it when those have gone', async () => {
    for (const name of ['changing', 'restarting', 'greedy']) source.remove(name);
    await vi.waitFor(() => expect(kubelet.pods()).toEqual([]), { timeout: 60_000, interval: 100 });
    await running('neighbour', '200m', '32Mi');
    const { containerID } = await running('waiting', '100m', '32Mi');
    const most = `${cpus().length}`;
    ask('waiting', most, '32Mi');
    await poll(() => resizesOf('waiting')).toEqual([
      expect.objectContaining<Partial<PodCondition>>({
        type: 'PodResizePending',
        status: 'True',
        reason: 'Deferred',
        message: `Node didn't have enough resource: cpu, requested: ${most}000, used: 200, capacity: ${most}000`,
      }),
    ]);
    expect(containerOf('waiting')).toMatchObject({ containerID, restartCount: 0, resources: amounts('100m', '32Mi') });
    source.remove('neighbour');
    await poll(() => containerOf('waiting')).toMatchObject({ containerID, restartCount: 0, resources: amounts(most, '32Mi') });
    expect(limitsOf('waiting').container[0]).toBe(`${most}00000`);
    await poll(() => resizesOf('waiting')).toEqual([]);
  });
});
