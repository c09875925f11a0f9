import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { kubeletGet } from '../fixtures/kubelet-socket.ts';
import { describeOnEachRuntime } from '../fixtures/node-on-runtime.ts';
import { busyboxPod, manifestOf, script } from '../fixtures/pod-manifests.ts';

const sleeps = script('sleep 600');
const pods = [
  busyboxPod('guaranteed', { ...sleeps, resources: { limits: { cpu: '1', memory: '16Mi' } } }),
  busyboxPod('besteffort', sleeps),
  busyboxPod(
    'hoarder',
    {
      ...script('dd if=/dev/zero of=/scratch/file bs=1M count=3 && echo full && sleep 600'),
      volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }],
      resources: { requests: { memory: '16Mi' } },
    },
    { volumes: [{ name: 'scratch', emptyDir: { sizeLimit: '1Mi' } }] },
  ),
];

/** First the node has enough of everything, then another kubelet takes over, which finds it short of memory. */
describeOnEachRuntime({ about: 'CPUs of their own, and eviction,' }, (node) => {
  let directory: string;

  beforeAll(async () => {
    directory = join(node.home.directory, 'pods');
    mkdirSync(directory);
    for (const pod of pods) node.home.write(`pods/${pod.metadata?.name}.yaml`, manifestOf(pod));
    await startKubelet({});
  });

  afterAll(async () => {
    rmSync(directory, { recursive: true });
    await vi.waitFor(async () => expect(await node.pods()).toEqual([]), { timeout: 30_000, interval: 100 });
  });

  function startKubelet(evictionHard: Record<string, string>): Promise<void> {
    return node.kubelet({ staticPodPath: directory, cpuManagerPolicy: 'static', reservedSystemCPUs: '0', evictionHard });
  }

  const status = (name: string) => node.statusOf(`${name}-here`);
  const reason = async (name: string) => (await status(name))?.reason;

  /** The CPUs that the container's processes may run on. */
  async function cpus(name: string): Promise<string> {
    const { stdout } = await node.home.berth('exec', `${name}-here`, '--', 'grep', 'Cpus_allowed_list', '/proc/self/status');
    return stdout.replace('Cpus_allowed_list:', '').trim();
  }

  it('a Guaranteed pod that requests a whole CPU has one for itself, and the others have the rest', async () => {
    await expect.poll(() => node.logs('hoarder-here'), { timeout: 30_000, interval: 100 }).toContain('full');
    await expect.poll(() => cpus('guaranteed'), { timeout: 30_000, interval: 100 }).toBe('1');
    await expect.poll(() => cpus('besteffort'), { timeout: 30_000, interval: 100 }).not.toMatch(/(^|[,-])1([,-]|$)/);
  });

  it('the reserved CPU is not for pods, by node status and configuration alike', async () => {
    const { capacity, allocatable } = JSON.parse(await kubeletGet(node.home, '/node')).status;
    expect(Number(allocatable.cpu)).toBe(Number(capacity.cpu) - 1);
    const { kubeletconfig } = JSON.parse(await kubeletGet(node.home, '/configz'));
    expect(kubeletconfig.systemReserved).toEqual({ cpu: '1' });
  });

  it('a pod that runs has its CPU again when another kubelet finds no state of it', async () => {
    await node.interrupt();
    const state = join(node.home.root, 'kubelet/cpu_manager_state');
    rmSync(state);
    await startKubelet({});
    await expect.poll(async () => (await status('guaranteed'))?.phase, { timeout: 30_000, interval: 100 }).toBe('Running');
    await expect
      .poll(() => Object.values(JSON.parse(readFileSync(state, 'utf8')).entries ?? {}), { timeout: 30_000 })
      .toEqual([{ main: '1' }]);
    await expect.poll(() => cpus('guaranteed'), { timeout: 30_000, interval: 100 }).toBe('1');
    await expect.poll(() => cpus('besteffort'), { timeout: 30_000, interval: 100 }).not.toMatch(/(^|[,-])1([,-]|$)/);
    expect((await status('guaranteed'))?.containerStatuses?.[0]?.restartCount).toBe(0);
  });

  it('a pod whose emptyDir is larger than it may be is evicted, then pods for want of memory, BestEffort ones first', async () => {
    await node.interrupt();
    await startKubelet({ 'memory.available': '99.9%' });
    await expect.poll(() => reason('hoarder'), { timeout: 30_000, interval: 100 }).toBe('Evicted');
    expect(await status('hoarder')).toMatchObject({
      phase: 'Failed',
      message: 'Usage of EmptyDir volume "scratch" exceeds the limit "1Mi". ',
    });
    await expect
      .poll(
        async () => {
          const [guaranteed, besteffort] = [await reason('guaranteed'), await reason('besteffort')];
          return besteffort ?? (guaranteed && `the Guaranteed pod is first: ${guaranteed}`);
        },
        { timeout: 30_000, interval: 100 },
      )
      .toBe('Evicted');
    const { message, conditions } = (await status('besteffort')) ?? {};
    expect(message).toMatch(
      /^The node was low on resource: memory\. Threshold quantity: \d+\w*, available: \d+\w*\. Container main was using/,
    );
    expect(conditions).toContainEqual(
      expect.objectContaining({ type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet' }),
    );
  });

  it('a node that is short of memory takes no more BestEffort pods', async () => {
    node.home.write('pods/late.yaml', manifestOf(busyboxPod('late', sleeps)));
    await expect.poll(() => reason('late'), { timeout: 30_000, interval: 100 }).toBe('Evicted');
    expect((await status('late'))?.message).toBe('Pod was rejected: The node had condition: [MemoryPressure]. ');
  });
});
