import { describe, expect, it } from 'vitest';
import type { DevicePluginDefinition, PreferenceRequest } from '../device.ts';
import { ContainerAllocateResponse, type Device } from '../gen/device-plugin.ts';
import { KubeletBench, lasting, resource } from './mock-kubelet.fixture.ts';
import type { MockKubelet, WantedDevices } from './mock-kubelet.ts';

const bench = KubeletBench.forEachTest();

const healthyDevice = (ID: string): Device => ({ ID, health: 'Healthy', topology: undefined });

/** Four devices, of which d is sick. */
async function ready(more: Partial<DevicePluginDefinition> = {}): Promise<MockKubelet> {
  bench.plugin([{ id: 'a' }, { id: 'b' }, { id: 'c' }, { id: 'd', healthy: false }], more);
  await bench.kubelet.waitFor(({ resources }) => resources().get(resource)?.devices.length === 4);
  return bench.kubelet;
}

describe('devices', () => {
  it('are given once, until they are freed', async () => {
    const kubelet = await ready({ allocate: (ids) => ({ envs: { THINGS: ids.join() } }) });
    const first = await kubelet.allocate(resource, { count: 2 });
    expect(first).toMatchObject({ container: 'container-1', resource, ids: ['a', 'b'], response: { envs: { THINGS: 'a,b' } } });
    expect((await kubelet.allocate(resource, { count: 1 }, { container: 'mine' })).ids).toEqual(['c']);
    expect(
      kubelet
        .resources()
        .get(resource)
        ?.devices.map(({ container }) => container),
    ).toEqual(['container-1', 'container-1', 'mine', undefined]);
    expect(kubelet.free('container-1')).toEqual([first]);
    expect((await kubelet.allocate(resource, { ids: ['b'] })).ids).toEqual(['b']);
    expect(kubelet.allocated().map(({ container, ids }) => [container, ...ids])).toEqual([
      ['mine', 'c'],
      ['container-2', 'b'],
    ]);
  });

  it('are each given to one of those who ask at the same time', async () => {
    const kubelet = await ready({ preferred: ({ available, size }) => available.slice(0, size) });
    const asked = Array.from({ length: 4 }, () => kubelet.allocate(resource, { count: 1 }));
    const ids = (await Promise.allSettled(asked)).flatMap((one) => (one.status === 'fulfilled' ? one.value.ids : []));
    expect(ids.toSorted()).toEqual(['a', 'b', 'c']);
  });

  it('are free again where their plugin refuses them', async () => {
    let isTired = true;
    const kubelet = await ready({
      allocate() {
        if (isTired) throw new Error('too tired');
        return {};
      },
    });
    await expect(kubelet.allocate(resource, { count: 3 })).rejects.toThrow(/allocate of resource vendor\.example\/thing: too tired/);
    isTired = false;
    expect((await kubelet.allocate(resource, { count: 3 })).ids).toEqual(['a', 'b', 'c']);
  });

  it.each<[what: string, wanted: WantedDevices, code: string, message: RegExp]>([
    ['of an id that there is not', { ids: ['z'] }, 'NOT_FOUND', /device "z" of resource .*: there is none of this id; name one of \["a",/],
    ['that is unhealthy', { ids: ['a', 'd'] }, 'FAILED_PRECONDITION', /device "d" of resource .*: it is unhealthy; name a healthy one/],
    ['that somebody has', { ids: ['c'] }, 'FAILED_PRECONDITION', /device "c" .*: container-1 has it; free it first/],
    ['that is named twice', { ids: ['a', 'a'] }, 'INVALID_ARGUMENT', /a device is named twice: \["a","a"\]; name each device once/],
    ['that nobody names', { ids: [] }, 'INVALID_ARGUMENT', /no device is named/],
    [
      'beyond those that are free',
      { count: 3 },
      'RESOURCE_EXHAUSTED',
      /3 wanted, 2 free \(3 of 4 healthy, 1 taken\); free some, or ask for fewer/,
    ],
    ['in no number', { count: 0 }, 'INVALID_ARGUMENT', /0 is no number of devices; ask for a whole number above 0/],
  ])('%s are not given', async (_what, wanted, code, message) => {
    const kubelet = await ready();
    await kubelet.allocate(resource, { ids: ['c'] });
    await expect(kubelet.allocate(resource, wanted)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    expect(kubelet.allocated()).toHaveLength(1);
  });

  it('of a resource that nobody has registered are not given', async () => {
    await expect(bench.kubelet.allocate(resource, { count: 1 })).rejects.toThrow(/no device plugin has registered it; start its plugin/);
    const kubelet = await ready();
    await expect(kubelet.allocate('vendor.example/other', { count: 1 })).rejects.toThrow(/take one of vendor\.example\/thing, or/);
  });

  it('are not freed of a container that has none', async () => {
    const kubelet = await ready();
    expect(() => kubelet.free('container-1')).toThrow(/container container-1: it has no devices; allocate some first/);
    await kubelet.allocate(resource, { count: 1 });
    expect(() => kubelet.free('container-7')).toThrow(/name one of container-1/);
  });
});

describe('a preference', () => {
  it('is asked for among what is free, and comes first', async () => {
    const asked: PreferenceRequest[] = [];
    const kubelet = await ready({
      preferred(request) {
        asked.push(request);
        return ['c', 'b'];
      },
    });
    await kubelet.allocate(resource, { ids: ['a'] });
    expect((await kubelet.allocate(resource, { count: 2 })).ids).toEqual(['c', 'b']);
    expect(asked).toEqual([{ available: ['b', 'c'], mustInclude: [], size: 2 }]);
    expect(bench.messages).toEqual([]);
  });

  it.each<[what: string, answer: string[], given: string[], message: RegExp]>([
    [
      'for what it was not offered',
      ['d', 'c'],
      ['c', 'a'],
      /it prefers \["d"\], which it was not offered; choose from available_deviceIDs/,
    ],
    ['for one device twice', ['c', 'c'], ['c', 'a'], /it names a device twice: \["c","c"\]; name each once/],
    ['for too few', ['b'], ['b', 'a'], /it was asked for 2 and prefers 1; answer with allocation_size ids/],
  ])('%s is told, and heeded as far as it goes', async (_what, answer, given, message) => {
    const { kubelet } = bench;
    await bench.rawPlugin({
      getDevicePluginOptions: () => ({ preStartRequired: false, getPreferredAllocationAvailable: true }),
      listAndWatch: lasting(...['a', 'b', 'c'].map(healthyDevice), { ...healthyDevice('d'), health: 'Unhealthy' }),
      getPreferredAllocation: () => ({ containerResponses: [{ deviceIDs: answer }] }),
      allocate: () => ({ containerResponses: [ContainerAllocateResponse.create()] }),
    });
    await bench.register();
    await kubelet.waitFor(({ resources }) => resources().get(resource)?.devices.length);
    expect((await kubelet.allocate(resource, { count: 2 })).ids).toEqual(given);
    expect(bench.messages).toContainEqual(expect.stringMatching(message));
  });
});

const nullDevice = { hostPath: '/dev/null', containerPath: '/dev/null', permissions: 'rw' };

describe('an answer to Allocate', () => {
  it.each<[what: string, answer: Parameters<typeof ContainerAllocateResponse.fromPartial>[0], problem: RegExp]>([
    [
      'a device that is not there',
      { devices: [{ ...nullDevice, hostPath: '/dev/none' }] },
      /the device "\/dev\/none" is no device of this host; name a/,
    ],
    [
      'a device by half a path',
      { devices: [{ ...nullDevice, hostPath: 'null' }] },
      /the device has the path "null" in the host; write a whole path/,
    ],
    [
      'a file that is no device',
      { devices: [{ ...nullDevice, hostPath: '/etc/passwd' }] },
      /"\/etc\/passwd" is no device of this host; name a device file/,
    ],
    ['a mount of nothing', { mounts: [{ hostPath: '/none', containerPath: '/a' }] }, /the mount "\/none" is not there on this host; name/],
    ['a path that escapes', { mounts: [{ hostPath: '/etc', containerPath: '/a/../..' }] }, /path "\/a\/\.\.\/\.\." in the container/],
    ['unknown permissions', { devices: [{ ...nullDevice, permissions: 'rx' }] }, /the permissions "rx"; write some of r, w and m/],
    ['no name', { envs: { '': '1' } }, /the environment variable "" has no name; name it without "="/],
    [
      'no name in CDI',
      { cdiDevices: [{ name: 'gpu0' }] },
      /"gpu0" is no name in the Container Device Interface; write vendor\.example\/class=name/,
    ],
  ])('with %s is told', async (_what, answer, problem) => {
    await bench.rawPlugin({
      listAndWatch: lasting(healthyDevice('a')),
      allocate: () => ({ containerResponses: [ContainerAllocateResponse.fromPartial(answer)] }),
    });
    await bench.register();
    await bench.kubelet.waitFor(({ resources }) => resources().get(resource)?.devices.length === 1);
    await bench.kubelet.allocate(resource, { count: 1 });
    expect(bench.messages).toEqual([expect.stringMatching(problem)]);
    expect(bench.messages[0]).toMatch(/^Allocate of the plugin for vendor\.example\/thing: /);
  });

  it('that any runtime takes is told nothing about', async () => {
    const kubelet = await ready({
      allocate: () => ({
        envs: { A: '=' },
        mounts: [{ hostPath: '/etc', containerPath: '/etc/host', readOnly: true }],
        devices: [{ hostPath: '/dev/null', containerPath: '/dev/thing', permissions: 'rwm' }],
        cdiDevices: ['vendor.example/class=0:1'],
      }),
    });
    await kubelet.allocate(resource, { count: 1 });
    expect(bench.messages).toEqual([]);
  });

  it('for the wrong number of containers is refused, and the devices stay free', async () => {
    await bench.rawPlugin({
      listAndWatch: lasting(healthyDevice('a')),
      allocate: () => ({ containerResponses: [] }),
    });
    await bench.register();
    await bench.kubelet.waitFor(({ resources }) => resources().get(resource)?.devices.length === 1);
    await expect(bench.kubelet.allocate(resource, { count: 1 })).rejects.toThrow(/it was asked for one container and answered for 0/);
    expect(bench.kubelet.allocated()).toEqual([]);
  });
});

describe('what comes before a start', () => {
  it('readies devices that a container has', async () => {
    const readied: string[] = [];
    const kubelet = await ready({ preStart: (ids) => void readied.push(...ids) });
    const { ids } = await kubelet.allocate(resource, { count: 2 });
    await kubelet.preStart(resource, ids);
    expect(readied).toEqual(['a', 'b']);
    await expect(kubelet.preStart(resource, ['c'])).rejects.toThrow(/no container has \["c"\]; allocate devices first, and name those/);
    await expect(kubelet.preStart(resource, [])).rejects.toThrow(/no device is named/);
  });

  it('is refused where the plugin has no part in it', async () => {
    const kubelet = await ready();
    const { ids } = await kubelet.allocate(resource, { count: 1 });
    await expect(kubelet.preStart(resource, ids)).rejects.toThrow(
      /doesn't ask for it.*; answer GetDevicePluginOptions with pre_start_required/,
    );
  });
});
