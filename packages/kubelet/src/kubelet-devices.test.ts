import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from '@berth/sdk/connect';
import type { ContainerConfig } from '@berth/sdk/cri';
import type { DevicePluginDefinition } from '@berth/sdk/device';
import { RegistrationService } from '@berth/sdk/device/protocol';
import { PluginError } from '@berth/sdk/errors';
import { PodResourcesListerService } from '@berth/sdk/pod-resources';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isReady, podYaml, TestNode } from '../testing/node.ts';
import { twoNodes, writeSysfs } from '../testing/sysfs-tree.ts';
import { TestDevicePlugin } from '../testing/test-device-plugin.ts';
import { readMachineFacts } from './machine/machine-facts.ts';

const gpu = 'vendor.example/gpu';
const nic = 'vendor.example/nic';

let node: TestNode;
let plugins: TestDevicePlugin[];

beforeEach(async () => {
  node = await TestNode.create();
  plugins = [];
  await mkdir(join(node.root, 'manifests'));
  await node.kubelet.start();
});

afterEach(async () => {
  await Promise.all(plugins.map((each) => each.stop()));
  await node.remove();
});

/** A plugin that is registered, and whose devices the node has. */
async function plugin(
  resource: string,
  devices: TestDevicePlugin['devices'],
  options: Partial<DevicePluginDefinition> & { socketName?: string } = {},
): Promise<TestDevicePlugin> {
  const made = new TestDevicePlugin(join(node.root, 'kubelet/device-plugins'), resource, options);
  made.devices = devices;
  plugins.push(made.start());
  await expect.poll(() => capacity(resource)).toBe(`${devices.length}`);
  return made;
}

const capacity = (resource: string) => node.kubelet.self().status?.capacity?.[resource];
const allocatable = (resource: string) => node.kubelet.self().status?.allocatable?.[resource];

function asking(limits: Record<string, number>, rest = ''): string {
  return `  terminationGracePeriodSeconds: 0\n  containers: [{name: main, image: a, resources: {limits: ${JSON.stringify(limits)}}}]\n${rest}`;
}

const apply = (name: string, spec: string) => node.write(`manifests/${name}.yaml`, podYaml(name, spec));
const remove = (name: string) => rm(join(node.root, `manifests/${name}.yaml`));

/** What the runtime was asked to make the newest container of the pod of. */
function configOf(pod: string, container = 'main'): ContainerConfig | undefined {
  const found = [...node.runtime.containers.values()].filter(
    ({ config: { labels } }) => labels['io.kubernetes.pod.name'] === pod && labels['io.kubernetes.container.name'] === container,
  );
  return found.at(-1)?.config;
}

function variableOf(pod: string, name: string, container = 'main'): string | undefined {
  const found = configOf(pod, container)?.envs.find(({ key }) => key === name);
  return found && Buffer.from(found.value).toString();
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
}

async function restartKubelet(): Promise<void> {
  await node.kubelet.stop({ removePods: false });
  node.replaceKubelet();
  await node.kubelet.start();
}

const failedFor = async (name: string) => (await node.until(name, ({ status }) => status?.phase === 'Failed')).status;
const waitsFor = (name: string) => node.pod(name)?.status?.containerStatuses?.[0]?.state?.waiting ?? node.pod(name)?.status?.message ?? '';
const nodeEvents = () => node.kubelet.events().filter(({ involvedObject }) => involvedObject.kind === 'Node');
const checkpointPath = () => join(node.root, 'kubelet/device-plugins/kubelet_internal_checkpoint');

describe('a pod that asks for a device', () => {
  it('gets what the plugin answers, beside its own', async () => {
    const made = await plugin(gpu, ['a', 'b']);
    made.answer = (ids) => ({
      envs: { VISIBLE: ids.join(), OWN: 'of the plugin' },
      mounts: [{ containerPath: '/lib/driver', hostPath: node.root, readOnly: true }],
      devices: [{ hostPath: '/dev/null', containerPath: '/dev/gpu0' }],
      annotations: { 'vendor.example/index': '0' },
      cdiDevices: ['vendor.example/gpu=a'],
    });
    const container = `{name: main, image: a, env: [{name: OWN, value: mine}], resources: {limits: {${gpu}: 1}}}`;
    await apply('one', `  containers: [${container}]\n`);
    await node.until('one', isReady);
    const config = configOf('one');
    expect([variableOf('one', 'VISIBLE'), variableOf('one', 'OWN')]).toEqual(['a', 'mine']);
    expect(config?.devices).toMatchObject([{ hostPath: '/dev/null', containerPath: '/dev/gpu0', permissions: 'rw' }]);
    expect(config?.mounts).toContainEqual(expect.objectContaining({ containerPath: '/lib/driver', hostPath: node.root, readonly: true }));
    expect(config?.annotations['vendor.example/index']).toBe('0');
    expect(config?.CDIDevices).toMatchObject([{ name: 'vendor.example/gpu=a' }]);
    expect(await (await fetchMetrics()).get(`kubelet_device_plugin_registration_total{resource_name="${gpu}"}`)).toBe('1');
  });

  it('is refused, before anything is made for it, if the plugin refuses', async () => {
    const made = await plugin(gpu, ['a']);
    made.answer = () => {
      throw new Error('the board is on fire');
    };
    await apply('one', asking({ [gpu]: 1 }));
    const status = await failedFor('one');
    expect(status).toMatchObject({ reason: 'UnexpectedAdmissionError', message: expect.stringContaining('the board is on fire') });
    expect(node.runtime.calls.filter((call) => call.startsWith('RunPodSandbox'))).toEqual([]);
    made.answer = () => ({});
    await apply('next', asking({ [gpu]: 1 }));
    await node.until('next', isReady);
  });

  it('is refused if there are too few, and leaves other resources alone', async () => {
    await plugin(gpu, ['a', { id: 'b', healthy: false }]);
    (await plugin(nic, ['n'])).answer = () => ({});
    await apply('one', asking({ [gpu]: 2, [nic]: 1 }));
    expect(await failedFor('one')).toMatchObject({
      reason: 'UnexpectedAdmissionError',
      message: `Pod was rejected: Allocate failed due to requested number of devices unavailable for ${gpu}. Requested: 2, Available: 1, which is unexpected`,
    });
    await apply('two', asking({ [gpu]: 1, [nic]: 1 }));
    await node.until('two', isReady);
  });

  it('asks no plugin for anything if another rule refuses the pod', async () => {
    const made = await plugin(gpu, ['a']);
    await apply('one', asking({ [gpu]: 1, memory: 2 ** 50 }));
    expect((await failedFor('one'))?.reason).toBe('OutOfmemory');
    await apply('two', asking({ [gpu]: 1 }));
    await node.until('two', isReady);
    expect(made.calls).toEqual(['Allocate a']);
  });

  it('is refused if two plugins want different things of its container', async () => {
    const [one, other] = [await plugin(gpu, ['a']), await plugin(nic, ['n'])];
    one.answer = () => ({ envs: { MODE: 'fast' } });
    other.answer = () => ({ envs: { MODE: 'slow' } });
    await apply('one', asking({ [gpu]: 1, [nic]: 1 }));
    expect((await failedFor('one'))?.message).toMatch(/the variable MODE is given differently for vendor\.example\/\w+ and for/);
  });

  it('gets the devices that the plugin prefers', async () => {
    await plugin(gpu, ['a', 'b', 'c', 'd'], { preferred: ({ available, size }) => available.toReversed().slice(0, size) });
    await apply('one', asking({ [gpu]: 2 }));
    await node.until('one', isReady);
    expect(variableOf('one', 'DEVICES')).toBe('d,c');
  });

  it('hands those of its init containers on', async () => {
    const made = await plugin(gpu, ['a', 'b']);
    const init = `  initContainers: [{name: init, image: a, args: ["exit-after=10"], resources: {limits: {${gpu}: 2}}}]\n`;
    await apply('one', asking({ [gpu]: 2 }, init));
    await expect.poll(() => variableOf('one', 'DEVICES', 'init')).toBe('a,b');
    await expect.poll(() => made.calls).toEqual(['Allocate a,b', 'Allocate a,b']);
  });

  it('waits until a path of its device is there', async () => {
    const made = await plugin(gpu, ['a']);
    const path = join(node.root, 'device');
    made.answer = () => ({ devices: [{ hostPath: path }] });
    await apply('one', asking({ [gpu]: 1 }));
    await expect
      .poll(() => waitsFor('one'))
      .toMatchObject({
        reason: 'CreateContainerConfigError',
        message: expect.stringContaining(`${path}, which a device plugin gives the container: there is no such path on the host`),
      });
    await writeFile(path, '');
    await node.until('one', isReady);
  });

  it('can not mount something where its device is mounted', async () => {
    const made = await plugin(gpu, ['a']);
    made.answer = () => ({ mounts: [{ containerPath: '/lib/driver', hostPath: node.root }] });
    const volume = '  volumes: [{name: own, emptyDir: {}}]\n';
    const container = `{name: main, image: a, volumeMounts: [{name: own, mountPath: /lib/driver}], resources: {limits: {${gpu}: 1}}}`;
    await apply('one', `  containers: [${container}]\n${volume}`);
    await expect
      .poll(() => waitsFor('one'))
      .toMatchObject({
        reason: 'CreateContainerConfigError',
        message: expect.stringContaining('mount at /lib/driver: a device plugin mounts something there, and so does the pod'),
      });
  });

  it('has it readied before each start, where the plugin asks for that', async () => {
    let failures = 1;
    const calls: string[] = [];
    await plugin(gpu, ['a'], {
      preStart: (ids) => {
        calls.push(`PreStart ${ids.join()} after ${node.runtime.calls.filter((call) => call.startsWith('CreateContainer')).length}`);
        if (failures-- > 0) throw new Error('not yet');
      },
    });
    await apply('one', asking({ [gpu]: 1 }));
    await node.until('one', isReady);
    expect(calls).toEqual(['PreStart a after 0', 'PreStart a after 0']);
  });
});

async function fetchMetrics(): Promise<Map<string, string>> {
  const { body } = await node.get('/metrics');
  const lines = body.split('\n').filter((line) => !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), line.slice(line.lastIndexOf(' ') + 1)]));
}

describe('the node', () => {
  it('tells of devices and their health as the plugin does', async () => {
    const made = await plugin(gpu, ['a', 'b']);
    expect(allocatable(gpu)).toBe('2');
    made.devices = ['a', { id: 'b', healthy: false }];
    await expect.poll(() => [capacity(gpu), allocatable(gpu)]).toEqual(['2', '1']);
    made.devices = ['a', 'b', 'c'];
    await expect.poll(() => [capacity(gpu), allocatable(gpu)]).toEqual(['3', '3']);
    await made.stop();
    await expect.poll(() => [capacity(gpu), allocatable(gpu)]).toEqual(['3', '0']);
    made.start();
    await expect.poll(() => [capacity(gpu), allocatable(gpu)]).toEqual(['3', '3']);
  });

  it('takes a pod for a device in order though those that others have are not', async () => {
    const made = await plugin(gpu, ['a', 'b']);
    await apply('one', asking({ [gpu]: 1 }));
    await node.until('one', isReady);
    made.devices = [{ id: 'a', healthy: false }, 'b'];
    await expect.poll(() => allocatable(gpu)).toBe('1');
    await apply('two', asking({ [gpu]: 1 }));
    await node.until('two', isReady);
    expect(variableOf('two', 'DEVICES')).toBe('b');
  });

  it('says who has which device', async () => {
    await plugin(gpu, [{ id: 'a', numaNodes: [1] }, 'b']);
    await apply('one', asking({ [gpu]: 1 }));
    await node.until('one', isReady);
    const client = connect(PodResourcesListerService, `unix://${join(node.root, 'kubelet/pod-resources/kubelet.sock')}`);
    try {
      const expected = {
        name: 'one',
        namespace: 'default',
        containers: [{ name: 'main', devices: [{ resourceName: gpu, deviceIds: ['a'], topology: { nodes: [{ ID: 1n }] } }] }],
      };
      expect((await client.list({})).podResources).toMatchObject([expected]);
      expect((await client.get({ podName: 'one', podNamespace: 'default' })).podResources).toMatchObject(expected);
      await expect(client.get({ podName: 'none', podNamespace: 'default' })).rejects.toThrow('pod none in namespace default not found');
      expect((await client.getAllocatableResources({})).devices.map(({ deviceIds }) => deviceIds)).toEqual([['a'], ['b']]);
      const calls = await Promise.allSettled(Array.from({ length: 200 }, () => client.list({})));
      const rejected = calls.flatMap((call) => (call.status === 'rejected' ? [String(call.reason)] : []));
      expect(rejected.length).toBeGreaterThan(100);
      expect(rejected[0]).toContain('rejected by rate limit');
    } finally {
      client.close();
    }
  });

  it('tells of a second plugin for a resource, whose devices count from then on', async () => {
    await plugin(gpu, ['a']);
    const other = new TestDevicePlugin(join(node.root, 'kubelet/device-plugins'), gpu, { socketName: 'other.sock' });
    other.devices = ['x', 'y'];
    plugins.push(other.start());
    await expect
      .poll(() => nodeEvents().find(({ reason }) => reason === 'DevicePluginReplaced')?.message)
      .toMatch(/two device plugins serve vendor\.example\/gpu: .*other\.sock takes the place of that at .*vendor\.example-gpu\.sock/);
  });

  it.each([
    ['another version', { version: 'v1' }, /the API version "v1" is not supported; register with the version v1beta1/],
    ['a name that is none', { resourceName: 'cpu' }, /the resource name "cpu" is not that of an extended resource/],
    ['a socket elsewhere', { endpoint: '../elsewhere.sock' }, /its endpoint is no name of a socket in the directory/],
    ['a socket that nobody serves', { endpoint: 'nobody.sock' }, /nobody\.sock/],
  ])('refuses a plugin with %s', async (_, faults, message) => {
    const client = connect(RegistrationService, `unix://${join(node.root, 'kubelet/device-plugins/kubelet.sock')}`);
    try {
      const request = { version: 'v1beta1', endpoint: 'a.sock', resourceName: gpu, options: undefined, ...faults };
      await expect(client.register(request)).rejects.toThrow(message);
    } finally {
      client.close();
    }
  });
});

describe('where the topology manager decides', () => {
  beforeEach(async () => {
    await node.kubelet.stop({ removePods: false });
    for (const manager of ['cpu', 'memory']) await rm(join(node.root, `kubelet/${manager}_manager_state`));
    await writeSysfs(join(node.root, 'sys'), twoNodes());
    node.replaceKubelet({
      machine: { ...readMachineFacts(), cpus: 8, memory: 32n * 2n ** 30n },
      resourceManagers: {
        cpuManagerPolicy: 'static',
        reservedSystemCPUs: '0',
        memoryManagerPolicy: 'Static',
        reservedMemory: [{ numaNode: 0, limits: { memory: '100Mi' } }],
        topologyManagerPolicy: 'single-numa-node',
      },
      eviction: { evictionHard: { 'memory.available': '100Mi' } },
      topologyRoots: { sys: join(node.root, 'sys') },
    });
    await node.kubelet.start();
  });

  const guaranteed = (cpu: number, devices: number) =>
    `  terminationGracePeriodSeconds: 0\n  containers: [{name: main, image: a, resources: {limits: {cpu: ${cpu}, memory: 1Gi, ${gpu}: ${devices}}}}]\n`;

  it('devices, CPUs and memory are near to one another, and who asks is told so', async () => {
    await plugin(gpu, [
      { id: 'far', numaNodes: [1] },
      { id: 'near', numaNodes: [0] },
    ]);
    await apply('one', guaranteed(4, 1));
    await node.until('one', isReady);
    expect(variableOf('one', 'DEVICES')).toBe('far');
    expect(configOf('one')?.linux?.resources).toMatchObject({ cpusetCpus: '4-7', cpusetMems: '1' });
    const client = connect(PodResourcesListerService, `unix://${join(node.root, 'kubelet/pod-resources/kubelet.sock')}`);
    const { podResources } = await client.get({ podName: 'one', podNamespace: 'default' });
    const allocatable = await client.getAllocatableResources({}).finally(() => client.close());
    expect(podResources?.containers[0]).toMatchObject({
      cpuIds: [4n, 5n, 6n, 7n],
      memory: [{ memoryType: 'memory', size: 2n ** 30n, topology: { nodes: [{ ID: 1n }] } }],
    });
    expect(allocatable.cpuIds).toEqual([1n, 2n, 3n, 4n, 5n, 6n, 7n]);
    expect(allocatable.memory.map(({ topology }) => topology?.nodes.map(({ ID }) => ID))).toEqual([[0n], [1n]]);
  });

  it('a pod whose devices are on two nodes is refused', async () => {
    await plugin(gpu, [
      { id: 'far', numaNodes: [1] },
      { id: 'near', numaNodes: [0] },
    ]);
    await apply('one', guaranteed(1, 2));
    expect(await failedFor('one')).toMatchObject({ reason: 'TopologyAffinityError' });
    await apply('two', guaranteed(1, 1));
    await node.until('two', isReady);
  });
});

describe('after a restart of the kubelet', () => {
  it('containers keep their devices, and nothing is allocated anew', async () => {
    const made = await plugin(gpu, ['a', 'b']);
    await apply('one', asking({ [gpu]: 1 }));
    await node.until('one', isReady);
    await restartKubelet();
    await expect.poll(() => allocatable(gpu)).toBe('2');
    await apply('two', asking({ [gpu]: 1 }));
    await node.until('two', isReady);
    expect(made.calls).toEqual(['Allocate a', 'Allocate b']);
    node.runtime.exit('main', 1);
    await node.until('one', ({ status }) => status?.containerStatuses?.[0]?.restartCount === 1 && isReady({ status } as never));
    expect([variableOf('one', 'DEVICES'), made.calls.length]).toEqual(['a', 2]);
  });

  it('a container that starts waits for its plugin', async () => {
    const made = await plugin(gpu, ['a']);
    await apply('one', asking({ [gpu]: 1 }));
    await node.until('one', isReady);
    await made.stop();
    await node.kubelet.stop({ removePods: false });
    node.runtime.exit('main', 1);
    node.replaceKubelet();
    await node.kubelet.start();
    await expect
      .poll(() => waitsFor('one'))
      .toMatchObject({
        reason: 'CreateContainerConfigError',
        message: expect.stringContaining(`the device plugin for ${gpu}: it is not registered at the moment`),
      });
    made.start();
    await node.until('one', isReady);
    expect(made.calls).toEqual(['Allocate a']);
  });

  it('a pod that had no devices yet waits for its plugin, too', async () => {
    const made = await plugin(gpu, ['a']);
    made.answer = () => {
      throw new PluginError('UNAVAILABLE', 'not now');
    };
    await apply('one', asking({ [gpu]: 1 }));
    expect(await node.untilHeldUp('one', 'FailedAllocateDevices')).toContain('not now');
    await node.kubelet.stop({ removePods: false });
    await made.stop();
    node.replaceKubelet();
    await node.kubelet.start();
    await expect.poll(() => node.pod('one')?.status?.message).toContain(`the device plugin for ${gpu}: it is not registered at the moment`);
    made.answer = (ids) => ({ envs: { DEVICES: ids.join() } });
    made.start();
    await node.until('one', isReady);
    expect(variableOf('one', 'DEVICES')).toBe('a');
  });

  it('with a lost checkpoint nobody gets the devices of a pod that is about to end', async () => {
    await plugin(gpu, ['a', 'b']);
    await apply('one', asking({ [gpu]: 1 }).replace('terminationGracePeriodSeconds: 0', 'terminationGracePeriodSeconds: 60'));
    await node.until('one', isReady);
    const stops = Promise.withResolvers<void>();
    node.runtime.faults.set('StopContainer', ({ signal }) => Promise.race([stops.promise, aborted(signal)]));
    await remove('one');
    await expect.poll(() => node.runtime.calls.filter((call) => call.startsWith('StopContainer')).length).toBe(1);
    await node.kubelet.stop({ removePods: false });
    await rm(checkpointPath());
    node.replaceKubelet();
    await node.kubelet.start();
    await expect.poll(() => allocatable(gpu)).toBe('2');
    await apply('two', asking({ [gpu]: 1 }));
    expect((await failedFor('two'))?.message).toContain('is not known any more');
    stops.resolve();
    await expect.poll(() => node.pod('one')).toBeUndefined();
    await apply('three', asking({ [gpu]: 1 }));
    await node.until('three', isReady);
  });

  it('with a checkpoint that nobody can read no device is handed out that somebody may have', async () => {
    await plugin(gpu, ['a', 'b']);
    await plugin(nic, ['n']);
    await apply('one', asking({ [gpu]: 1 }));
    await node.until('one', isReady);
    await node.kubelet.stop({ removePods: false });
    await writeFile(checkpointPath(), (await readFile(checkpointPath(), 'utf8')).slice(0, 50));
    node.replaceKubelet();
    await node.kubelet.start();
    await expect.poll(() => [allocatable(gpu), allocatable(nic)]).toEqual(['2', '1']);
    expect(existsSync(`${checkpointPath()}.broken`)).toBe(true);
    expect(nodeEvents().map(({ message }) => message)).toContainEqual(expect.stringContaining("it can't be read: it isn't JSON"));
    await apply('two', asking({ [gpu]: 1 }));
    expect((await failedFor('two'))?.message).toContain('is not known any more');
    await apply('three', asking({ [nic]: 1 }));
    await node.until('three', isReady);
    await restartKubelet();
    await expect.poll(() => allocatable(gpu)).toBe('2');
    await apply('four', asking({ [gpu]: 1 }));
    expect((await failedFor('four'))?.message).toContain('is not known any more');
    await remove('one');
    await expect.poll(() => node.pod('one')).toBeUndefined();
    await apply('five', asking({ [gpu]: 2 }));
    await node.until('five', isReady);
  });
});
