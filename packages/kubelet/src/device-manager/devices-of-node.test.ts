import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from '@berth/sdk/connect';
import { RegistrationService } from '@berth/sdk/device/protocol';
import { PodResourcesListerService } from '@berth/sdk/pod-resources';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { asking, DeviceNode, gpu } from '../../testing/device-node.ts';
import { isReady } from '../../testing/node.ts';
import { twoNodes, writeSysfs } from '../../testing/sysfs-tree.ts';
import { readMachineFacts } from '../machine/machine-facts.ts';

let on: DeviceNode;

beforeEach(async () => {
  on = await DeviceNode.create();
});

afterEach(() => on.close());

describe('the node', () => {
  it('tells of devices and their health as the plugin does', async () => {
    const made = await on.plugin(gpu, ['a', 'b']);
    expect(on.allocatable(gpu)).toBe('2');
    made.devices = ['a', { id: 'b', healthy: false }];
    await expect.poll(() => [on.capacity(gpu), on.allocatable(gpu)]).toEqual(['2', '1']);
    made.devices = ['a', 'b', 'c'];
    await expect.poll(() => [on.capacity(gpu), on.allocatable(gpu)]).toEqual(['3', '3']);
    await made.stop();
    await expect.poll(() => [on.capacity(gpu), on.allocatable(gpu)]).toEqual(['3', '0']);
    made.start();
    await expect.poll(() => [on.capacity(gpu), on.allocatable(gpu)]).toEqual(['3', '3']);
  });

  it('takes a pod for a device in order though those that others have are not', async () => {
    const made = await on.plugin(gpu, ['a', 'b']);
    await on.apply('one', asking({ [gpu]: 1 }));
    await on.node.until('one', isReady);
    made.devices = [{ id: 'a', healthy: false }, 'b'];
    await expect.poll(() => on.allocatable(gpu)).toBe('1');
    await on.apply('two', asking({ [gpu]: 1 }));
    await on.node.until('two', isReady);
    expect(on.variableOf('two', 'DEVICES')).toBe('b');
  });

  it('says who has which device', async () => {
    await on.plugin(gpu, [{ id: 'a', numaNodes: [1] }, 'b']);
    await on.apply('one', asking({ [gpu]: 1 }));
    await on.node.until('one', isReady);
    const client = connect(PodResourcesListerService, `unix://${join(on.node.root, 'kubelet/pod-resources/kubelet.sock')}`);
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
    await on.plugin(gpu, ['a']);
    on.startPlugin(gpu, ['x', 'y'], { socketName: 'other.sock' });
    await expect
      .poll(() => on.events().find(({ reason }) => reason === 'DevicePluginReplaced')?.message)
      .toMatch(/two device plugins serve vendor\.example\/gpu: .*other\.sock takes the place of that at .*vendor\.example-gpu\.sock/);
  });

  it.each([
    ['another version', { version: 'v1' }, /the API version "v1" is not supported; register with the version v1beta1/],
    ['a name that is none', { resourceName: 'cpu' }, /the resource name "cpu" is not that of an extended resource/],
    ['a socket elsewhere', { endpoint: '../elsewhere.sock' }, /its endpoint is no name of a socket in the directory/],
    [
      "the kubelet's own socket",
      { endpoint: 'kubelet.sock' },
      /its endpoint kubelet\.sock is the kubelet's own socket; serve on a socket of another name/,
    ],
    ['a socket that nobody serves', { endpoint: 'nobody.sock' }, /nobody\.sock/],
  ])('refuses a plugin with %s', async (_, faults, message) => {
    const client = connect(RegistrationService, `unix://${join(on.node.root, 'kubelet/device-plugins/kubelet.sock')}`);
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
    await on.node.kubelet.stop({ removePods: false });
    for (const manager of ['cpu', 'memory']) await rm(join(on.node.root, `kubelet/${manager}_manager_state`));
    await writeSysfs(join(on.node.root, 'sys'), twoNodes());
    on.node.replaceKubelet({
      machine: { ...readMachineFacts(), cpus: 8, memory: 32n * 2n ** 30n },
      resourceManagers: {
        cpuManagerPolicy: 'static',
        reservedSystemCPUs: '0',
        memoryManagerPolicy: 'Static',
        reservedMemory: [{ numaNode: 0, limits: { memory: '100Mi' } }],
        topologyManagerPolicy: 'single-numa-node',
      },
      eviction: { evictionHard: { 'memory.available': '100Mi' } },
      topologyRoots: { sys: join(on.node.root, 'sys') },
    });
    await on.node.kubelet.start();
  });

  const guaranteed = (cpu: number, devices: number) =>
    `  terminationGracePeriodSeconds: 0\n  containers: [{name: main, image: a, resources: {limits: {cpu: ${cpu}, memory: 1Gi, ${gpu}: ${devices}}}}]\n`;

  it('devices, CPUs and memory are near to one another, and who asks is told so', async () => {
    await on.plugin(gpu, [
      { id: 'far', numaNodes: [1] },
      { id: 'near', numaNodes: [0] },
    ]);
    await on.apply('one', guaranteed(4, 1));
    await on.node.until('one', isReady);
    expect(on.variableOf('one', 'DEVICES')).toBe('far');
    expect(on.configOf('one')?.linux?.resources).toMatchObject({ cpusetCpus: '4-7', cpusetMems: '1' });
    const client = connect(PodResourcesListerService, `unix://${join(on.node.root, 'kubelet/pod-resources/kubelet.sock')}`);
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
    await on.plugin(gpu, [
      { id: 'far', numaNodes: [1] },
      { id: 'near', numaNodes: [0] },
    ]);
    await on.apply('one', guaranteed(1, 2));
    expect(await on.failed('one')).toMatchObject({ reason: 'TopologyAffinityError' });
    await on.apply('two', guaranteed(1, 1));
    await on.node.until('two', isReady);
  });
});
