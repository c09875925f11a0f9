import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ContainerState } from '@berth/sdk/cri';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isReady, podYaml, TestNode } from '../../testing/node.ts';
import { resourcePod } from '../../testing/resource-pods.ts';
import { oneNode, twoNodes, writeSysfs } from '../../testing/sysfs-tree.ts';
import { systemClock } from '../clock.ts';
import { readMachineFacts } from '../machine/machine-facts.ts';
import { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import { defaultResourceManagers, ResourceManagers, type ResourceManagersOptions } from './resource-managers.ts';

let node: TestNode;

/** Eight cores on two NUMA nodes, of which core 0 is reserved. */
const managers: Partial<ResourceManagersOptions> = {
  cpuManagerPolicy: 'static',
  reservedSystemCPUs: '0',
  topologyManagerPolicy: 'restricted',
  cpuManagerReconcilePeriodMs: 200,
};

beforeEach(async () => {
  node = await TestNode.create();
  await mkdir(join(node.root, 'manifests'));
  await writeSysfs(join(node.root, 'sys'), twoNodes());
  useKubelet();
});

afterEach(() => node.remove());

function useKubelet(resourceManagers: Partial<ResourceManagersOptions> = managers): void {
  const machine = { ...readMachineFacts(), cpus: 8, memory: 32n * 2n ** 30n };
  node.replaceKubelet({ machine, resourceManagers, topologyRoots: { sys: join(node.root, 'sys') } });
}

const exclusive = (cpu: number) =>
  `  containers: [{name: main, image: a, resources: {limits: {cpu: ${cpu}, memory: 1Gi}}}]\n  terminationGracePeriodSeconds: 0\n`;
const shared = '  containers: [{name: main, image: a}]\n  terminationGracePeriodSeconds: 0\n';

const apply = (name: string, spec: string) => node.write(`manifests/${name}.yaml`, podYaml(name, spec));

/** What the newest container of the pod is held to. */
function cpusetOf(pod: string): string | undefined {
  const containers = [...node.runtime.containers.values()].filter(({ config }) => config.labels['io.kubernetes.pod.name'] === pod);
  return containers.at(-1)?.config.linux?.resources?.cpusetCpus;
}

describe('containers are held to their CPUs', () => {
  it('their own, or those that are shared, which follow those that come and go', async () => {
    await apply('any', shared);
    await node.kubelet.start();
    await node.until('any', isReady);
    expect(cpusetOf('any')).toBe('0-7');
    await apply('own', exclusive(2));
    await node.until('own', isReady);
    await expect.poll(() => [cpusetOf('own'), cpusetOf('any')]).toEqual(['1-2', '0,3-7']);
    await rm(join(node.root, 'manifests/own.yaml'));
    await expect.poll(() => cpusetOf('any')).toBe('0-7');
  });

  it('without a quota on those that are their own', async () => {
    await apply('own', exclusive(2));
    await apply('half', exclusive(0.5));
    await node.kubelet.start();
    const quotas = new Map<string, bigint | undefined>();
    node.runtime.faults.set('StartContainer', () => {
      for (const { config } of node.runtime.containers.values()) {
        quotas.set(config.labels['io.kubernetes.pod.name'] ?? '', config.linux?.resources?.cpuQuota);
      }
    });
    await Promise.all(['own', 'half'].map((name) => node.until(name, isReady)));
    expect(Object.fromEntries(quotas)).toEqual({ own: -1n, half: 50_000n });
  });

  it('which a change of the pod in place can not change', async () => {
    const pod = resourcePod('own', { containers: { main: { cpu: '2' } } });
    const resourceManagers = new ResourceManagers(
      { ...defaultResourceManagers, cpuManagerPolicy: 'static', reservedSystemCPUs: '0' },
      node.root,
      {
        pods: () => [],
        holders: () => [],
        sourcesReady: () => true,
        runtime: () => {
          throw new Error('it is not asked');
        },
        metrics: new KubeletMetrics({ nodeName: 'node' }),
        clock: systemClock,
        log: pino({ level: 'silent' }),
      },
    );
    await resourceManagers.start({ cpu: 0n, memory: 0n }, { sys: join(node.root, 'sys') });
    expect(resourceManagers.refuseResize(pod)).toEqual({
      reason: 'Infeasible',
      message: 'Resize is infeasible for Guaranteed Pods alongside CPU Manager static policy',
    });
  });

  it('again, if the runtime could not', async () => {
    let failures = 2;
    node.runtime.faults.set('UpdateContainerResources', () => {
      if (failures-- > 0) throw new Error('busy');
    });
    await apply('any', shared);
    await apply('own', exclusive(3));
    await node.kubelet.start();
    await expect.poll(() => cpusetOf('any'), { timeout: 8000 }).toBe('0,4-7');
  });
});

describe('/metrics tells who has CPUs, and what the managers were asked for', () => {
  it.each([
    ['restricted', 1, 0],
    ['none', 2, 1],
  ] as const)('where the topology policy is %s', async (topologyManagerPolicy, asked, failed) => {
    useKubelet({ ...managers, topologyManagerPolicy });
    await apply('own', exclusive(2));
    await node.kubelet.start();
    await node.until('own', isReady);
    await apply('more', exclusive(6));
    await node.until('more', (pod) => pod.status?.phase === 'Failed');
    const { body } = await node.get('/metrics');
    expect(
      body
        .split('\n')
        .filter((line) => /^kubelet_(cpu|topology)_manager_(?!admission_duration)/.test(line))
        .toSorted(),
    ).toEqual([
      'kubelet_cpu_manager_allocation_per_numa{numa_node="0"} 2',
      'kubelet_cpu_manager_allocation_per_numa{numa_node="1"} 0',
      'kubelet_cpu_manager_exclusive_cpu_allocation_count 2',
      `kubelet_cpu_manager_pinning_errors_total ${failed}`,
      `kubelet_cpu_manager_pinning_requests_total ${asked}`,
      'kubelet_cpu_manager_shared_pool_size_millicores 5000',
      'kubelet_topology_manager_admission_errors_total 1',
      'kubelet_topology_manager_admission_requests_total 2',
    ]);
    expect(body).toMatch(/^kubelet_topology_manager_admission_duration_ms_count 2$/m);
  });
});

it('counts who asked for memory of their own, and who could not have it', async () => {
  const metrics = new KubeletMetrics({ nodeName: 'node' });
  const reservedMemory = [{ numaNode: 0, limits: { memory: '1Gi' } }];
  const resourceManagers = new ResourceManagers({ ...defaultResourceManagers, memoryManagerPolicy: 'Static', reservedMemory }, node.root, {
    pods: () => [],
    holders: () => [],
    sourcesReady: () => true,
    runtime: () => {
      throw new Error('it is not asked');
    },
    metrics,
    clock: systemClock,
    log: pino({ level: 'silent' }),
  });
  await resourceManagers.start({ cpu: 0n, memory: 2n ** 30n }, { sys: join(node.root, 'sys') });
  const admit = (name: string, memory: string) =>
    resourceManagers.admit({ pod: resourcePod(name, { containers: { main: { cpu: '1', memory } } }), others: [] })?.reason;
  expect([admit('own', '1Gi'), admit('huge', '9999Gi')]).toEqual([undefined, 'UnexpectedAdmissionError']);
  const shown = await metrics.registry.metrics();
  expect(shown.match(/^kubelet_memory_manager_.*$/gm)).toEqual([
    'kubelet_memory_manager_pinning_requests_total 2',
    'kubelet_memory_manager_pinning_errors_total 1',
  ]);
});

describe('a pod that can not have its CPUs fails', () => {
  it.each([
    ['near to each other', 3, 2, 'TopologyAffinityError', 'Pod was rejected: Resources cannot be allocated with Topology locality'],
    ['at all', 2, 6, 'TopologyAffinityError', 'Pod was rejected: Resources cannot be allocated with Topology locality'],
  ])('%s', async (_, first, second, reason, message) => {
    await apply('filler', exclusive(3));
    await node.kubelet.start();
    await node.until('filler', isReady);
    await apply('first', exclusive(first));
    await node.until('first', isReady);
    await apply('second', exclusive(second));
    const failed = await node.until('second', (pod) => pod.status?.phase === 'Failed');
    expect(failed.status).toMatchObject({ reason, message });
  });
});

/** Ends the kubelet, and makes another, whose state files are gone. */
async function useKubeletWithoutState(resourceManagers?: Partial<ResourceManagersOptions>): Promise<void> {
  await node.kubelet.stop({ removePods: false });
  for (const file of ['cpu_manager_state', 'memory_manager_state']) await rm(join(node.root, 'kubelet', file));
  useKubelet(resourceManagers);
}

const entriesOf = async (file: string): Promise<Record<string, object> | undefined> =>
  JSON.parse(await readFile(join(node.root, 'kubelet', file), 'utf8')).entries;

describe('another kubelet whose state files are gone', () => {
  const restarts = () => [...node.runtime.containers.values()].map(({ config }) => config.metadata?.attempt);

  it('gives running pods CPUs of their own again, and the runtime holds them to these', async () => {
    for (const name of ['first', 'own']) await apply(name, exclusive(2));
    await node.kubelet.start();
    await Promise.all(['first', 'own'].map((name) => node.until(name, isReady)));
    await apply('any', shared);
    await node.until('any', isReady);
    await rm(join(node.root, 'manifests/first.yaml'));
    await expect.poll(() => node.pod('first')).toBeUndefined();
    const before = [...node.runtime.containers.keys()];
    await useKubeletWithoutState();
    // Of whatever CPUs a container is held to now, the next kubelet knows nothing.
    for (const { config } of node.runtime.containers.values()) Object.assign(config.linux?.resources ?? {}, { cpusetCpus: '' });
    await node.kubelet.start();
    await expect.poll(() => [cpusetOf('own'), cpusetOf('any')]).toEqual(['1-2', '0,3-7']);
    const uid = node.pod('own')?.metadata?.uid ?? '';
    expect(await entriesOf('cpu_manager_state')).toEqual({ [uid]: { main: '1-2' } });
    expect([...node.runtime.containers.keys()]).toEqual(before);
    expect(restarts()).toEqual(before.map(() => 0));
  });

  it('and memory, of the NUMA nodes that have it', async () => {
    const withMemory: Partial<ResourceManagersOptions> = {
      ...managers,
      memoryManagerPolicy: 'Static',
      reservedMemory: [{ numaNode: 0, limits: { memory: '0' } }],
    };
    useKubelet(withMemory);
    await apply('own', exclusive(2));
    await node.kubelet.start();
    await node.until('own', isReady);
    const before = await entriesOf('memory_manager_state');
    expect(Object.keys(before ?? {})).toHaveLength(1);
    await useKubeletWithoutState(withMemory);
    await node.kubelet.start();
    await expect.poll(() => entriesOf('memory_manager_state')).toEqual(before);
  });

  it.each([
    ['none', 'UnexpectedAdmissionError', /^Pod was rejected: Allocate failed due to not enough cpus available/],
    ['restricted', 'TopologyAffinityError', /^Pod was rejected: Resources cannot be allocated with Topology locality$/],
  ] as const)('fails a running pod for which there are none left, as at admission, by the policy %s', async (policy, reason, message) => {
    await apply('own', exclusive(2));
    await apply('any', shared);
    await node.kubelet.start();
    await Promise.all(['own', 'any'].map((name) => node.until(name, isReady)));
    await useKubeletWithoutState({ ...managers, topologyManagerPolicy: policy, reservedSystemCPUs: '0-6' });
    await node.kubelet.start();
    const failed = await node.until('own', (pod) => pod.status?.phase === 'Failed');
    expect(failed.status).toMatchObject({ reason, message: expect.stringMatching(message) });
    expect(node.kubelet.events().map((event) => event.reason)).toContain(reason);
    const stateOf = (pod: string) =>
      [...node.runtime.containers.values()].find(({ config }) => config.labels['io.kubernetes.pod.name'] === pod)?.state;
    await expect.poll(() => stateOf('own')).toBe(ContainerState.CONTAINER_EXITED);
    expect(stateOf('any')).toBe(ContainerState.CONTAINER_RUNNING);
    expect(node.pod('any')?.status?.phase).toBe('Running');
  });

  it('gives none to a pod that has ended', async () => {
    await apply('own', `  restartPolicy: Never\n${exclusive(2)}`);
    await node.kubelet.start();
    await node.until('own', isReady);
    node.runtime.exit('main', 0);
    await node.until('own', (pod) => pod.status?.phase === 'Succeeded');
    await useKubeletWithoutState({ ...managers, reservedSystemCPUs: '0-6' });
    await node.kubelet.start();
    await apply('any', shared);
    await node.until('any', isReady);
    expect(node.kubelet.events().filter(({ type }) => type === 'Warning')).toEqual([]);
    expect(node.pod('own')?.status?.phase).toBe('Succeeded');
    expect(await entriesOf('cpu_manager_state')).toBeUndefined();
  });
});

describe('another kubelet', () => {
  it('goes on with the CPUs of running pods, and frees those of pods that are gone', async () => {
    for (const name of ['a', 'b']) await apply(name, exclusive(2));
    await node.kubelet.start();
    await Promise.all(['a', 'b'].map((name) => node.until(name, isReady)));
    const before = cpusetOf('b');
    await node.kubelet.stop({ removePods: false });
    await rm(join(node.root, 'manifests/a.yaml'));
    await apply('c', exclusive(2));
    useKubelet();
    await node.kubelet.start();
    await node.until('c', isReady);
    expect(cpusetOf('b')).toBe(before);
    await expect.poll(async () => Object.keys((await entriesOf('cpu_manager_state')) ?? {})).toHaveLength(2);
  });

  it.each([
    [
      'another policy',
      { cpuManagerPolicy: 'none' } as const,
      /CPU manager state .*cpu_manager_state: the configured policy "none" differs/,
    ],
    [
      'a memory policy that lacks its reservation',
      { ...managers, memoryManagerPolicy: 'Static' } as const,
      /reservedMemory: the policy Static needs reserved memory/,
    ],
  ])('does not start with %s', async (_, options, message) => {
    await node.kubelet.start();
    await node.kubelet.stop({ removePods: false });
    useKubelet(options);
    await expect(node.kubelet.start()).rejects.toThrow(message);
  });

  it('does not start on other CPUs than those of the state', async () => {
    await node.kubelet.start();
    await node.kubelet.stop({ removePods: false });
    await rm(join(node.root, 'sys'), { recursive: true });
    await writeSysfs(join(node.root, 'sys'), oneNode(4));
    useKubelet();
    await expect(node.kubelet.start()).rejects.toThrow(/its CPUs 0-7 aren't those of this machine, 0-3/);
  });

  it('does not start with reserved CPUs that the machine lacks, under whatever policy', async () => {
    useKubelet({ reservedSystemCPUs: '7-8' });
    await expect(node.kubelet.start()).rejects.toThrow(/reservedSystemCPUs: this machine has no CPU 8 \(it has 0-7\)/);
  });

  it('does not start with a state that nobody can read', async () => {
    await mkdir(join(node.root, 'kubelet'), { recursive: true });
    await writeFile(join(node.root, 'kubelet/cpu_manager_state'), '\0\0');
    await expect(node.kubelet.start()).rejects.toThrow(
      /it isn't JSON; drain this node and delete the file .*: pods that still run then are assigned anew, and fail if nothing is left for them/,
    );
  });
});
