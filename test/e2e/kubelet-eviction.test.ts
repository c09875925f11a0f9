import { mkdirSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import type { Pod } from '@berth/api/objects';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { stringify } from 'yaml';
import { type Baseline, removeLeftovers, restoreSwitches, takeBaseline } from '../../packages/cli/src/host/baseline.ts';
import { BerthHome, exampleImage, type Running } from '../fixtures/berth.ts';
import { removeCgroups } from '../fixtures/cgroups.ts';
import { containerdMissing } from '../fixtures/containerd.ts';
import { type CriServer, startContainerd } from '../fixtures/cri-servers.ts';
import { nodeMissing, skipIfMissing } from '../fixtures/node-requirements.ts';

const pod = (name: string, command: string, more: { container?: object; spec?: object } = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    terminationGracePeriodSeconds: 0,
    containers: [{ name: 'main', image: 'localhost/busybox:1', command: ['sh', '-c', command], ...more.container }],
    ...more.spec,
  },
});

const sleeps = 'sleep 600';
const manifests = [
  pod('guaranteed', sleeps, { container: { resources: { limits: { cpu: '1', memory: '16Mi' } } } }),
  pod('besteffort', sleeps),
  pod('hoarder', `dd if=/dev/zero of=/scratch/file bs=1M count=3 && echo full && ${sleeps}`, {
    container: { volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }], resources: { requests: { memory: '16Mi' } } },
    spec: { volumes: [{ name: 'scratch', emptyDir: { sizeLimit: '1Mi' } }] },
  }),
];

/** A node per runtime: first it has enough of everything, then another kubelet takes over, which finds it short of memory. */
const runtimes = [
  ['runc', nodeMissing],
  ['containerd', () => nodeMissing() ?? containerdMissing()],
] as const;

describe.each(runtimes)('CPUs of their own, and eviction, on %s', (handler, missing) => {
  let home: BerthHome;
  let node: Running;
  let containerd: CriServer | undefined;
  let pods: string;
  let baseline: Baseline;

  beforeEach(skipIfMissing(missing));

  beforeAll(async () => {
    if (missing()) return;
    baseline = takeBaseline();
    containerd = handler === 'containerd' ? await startContainerd() : undefined;
    home = new BerthHome(containerd ? { runtimes: [{ handler, endpoint: containerd.endpoint }], defaultHandler: handler } : {});
    pods = join(home.directory, 'pods');
    mkdirSync(pods);
    for (const manifest of manifests) home.write(`pods/${manifest.metadata.name}.yaml`, stringify(manifest));
    await startKubelet({});
  });

  afterAll(async () => {
    if (missing()) return;
    rmSync(pods, { recursive: true });
    await vi.waitFor(async () => expect(await listed()).toEqual([]), { timeout: 30_000, interval: 100 });
    await node.interrupt();
    await containerd?.stop();
    removeCgroups(`/${home.name}`);
    removeLeftovers(baseline, [home.name]);
    restoreSwitches(baseline);
    home.remove();
  });

  async function startKubelet(evictionHard: Record<string, string>): Promise<void> {
    const configuration = {
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      kind: 'KubeletConfiguration',
      staticPodPath: pods,
      enableServer: false,
      healthzPort: 0,
      failCgroupV1: false,
      failSwapOn: false,
      cpuManagerPolicy: 'static',
      reservedSystemCPUs: '0',
      evictionHard,
    };
    const config = home.write('kubelet.yaml', stringify(configuration));
    node = home.start(['kubelet', '--config', config, '--hostname-override', 'here', ...(containerd ? [] : ['--image', exampleImage])]);
    await node.says(/is up/);
  }

  /** The node's pods. */
  async function listed(): Promise<Pod[]> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const ask = request(
      { socketPath: join(home.run, 'kubelet.sock'), path: '/pods' },
      (response) => void json(response).then(resolve, reject),
    );
    ask.once('error', reject).end();
    return ((await promise) as { items: Pod[] }).items;
  }

  const find = async (name: string) => (await listed()).find(({ metadata }) => metadata?.name === `${name}-here`);
  const reason = async (name: string) => (await find(name))?.status?.reason;

  /** The CPUs that the container's processes may run on. */
  async function cpus(name: string): Promise<string> {
    const { stdout } = await home.berth('exec', `${name}-here`, '--', 'grep', 'Cpus_allowed_list', '/proc/self/status');
    return stdout.replace('Cpus_allowed_list:', '').trim();
  }

  it('a Guaranteed pod that requests a whole CPU has one for itself, and the others have the rest', async () => {
    await expect.poll(async () => (await home.berth('logs', 'hoarder-here')).stdout, { timeout: 30_000, interval: 100 }).toContain('full');
    await expect.poll(() => cpus('guaranteed'), { timeout: 30_000, interval: 100 }).toBe('1');
    await expect.poll(() => cpus('besteffort'), { timeout: 30_000, interval: 100 }).not.toMatch(/(^|[,-])1([,-]|$)/);
  });

  it('a pod whose emptyDir is larger than it may be is evicted, then pods for want of memory, BestEffort ones first', async () => {
    await node.interrupt();
    await startKubelet({ 'memory.available': '98%' });
    await expect.poll(() => reason('hoarder'), { timeout: 30_000, interval: 100 }).toBe('Evicted');
    expect((await find('hoarder'))?.status).toMatchObject({
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
    const { message, conditions } = (await find('besteffort'))?.status ?? {};
    expect(message).toMatch(
      /^The node was low on resource: memory\. Threshold quantity: \d+\w*, available: \d+\w*\. Container main was using/,
    );
    expect(conditions).toContainEqual(
      expect.objectContaining({ type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet' }),
    );
  });

  it('a node that is short of memory takes no more BestEffort pods', async () => {
    home.write('pods/late.yaml', stringify(pod('late', sleeps)));
    await expect.poll(() => reason('late'), { timeout: 30_000, interval: 100 }).toBe('Evicted');
    expect((await find('late'))?.status?.message).toBe('Pod was rejected: The node had condition: [MemoryPressure]. ');
  });
});
