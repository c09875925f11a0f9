import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Device, RegisterRequest } from '../gen/device-plugin.ts';
import type { PluginInfo } from '../gen/plugin-registration.ts';
import { KubeletBench, lasting, resource } from './mock-kubelet.fixture.ts';

const bench = KubeletBench.forEachTest();

const device: Device = { ID: 'a', health: 'Healthy', topology: undefined };

const hasDevices = () => bench.kubelet.waitFor(({ resources }) => resources().get(resource)?.devices.length);

describe('a device plugin', () => {
  it.each<[what: string, request: Partial<RegisterRequest>, told: RegExp]>([
    ['of another version', { version: 'v1alpha' }, /the API version "v1alpha" is not supported; register with the version v1beta1/],
    ['of a resource that is none of a vendor', { resourceName: 'cpu' }, /resource name "cpu" is not .*; write vendor\.example\/name/],
    [
      'with a path for its endpoint',
      { endpoint: '/tmp/raw.sock' },
      /its endpoint is no name of a socket .*; give the name of the file alone/,
    ],
    [
      "with the kubelet's own socket for its endpoint",
      { endpoint: 'kubelet.sock' },
      /its endpoint kubelet\.sock is the kubelet's own socket; serve on a socket of another name/,
    ],
    [
      'that does not serve',
      { endpoint: 'absent.sock' },
      /device plugin for vendor\.example\/thing at .*absent\.sock: it doesn't answer GetDevicePluginOptions: the socket file doesn't exist.*; serve the service .* before registering/,
    ],
  ])('%s is refused, and told why', async (_what, request, told) => {
    await expect(bench.register(request)).rejects.toThrow(told);
    expect(bench.events.at(-1)).toMatchObject({ event: 'refused', message: expect.stringMatching(told) });
    expect(bench.kubelet.resources().size).toBe(0);
  });

  it('that says other options than it answers is told of', async () => {
    await bench.rawPlugin({ listAndWatch: lasting(device) });
    await bench.register({ options: { preStartRequired: true, getPreferredAllocationAvailable: false } });
    expect(bench.messages).toEqual([
      expect.stringMatching(/other options than it answers to GetDevicePluginOptions, which count; give the same/),
    ]);
  });

  it.each<[what: string, devices: Device[], told: RegExp]>([
    ['an id twice', [device, device], /the id "a" comes twice; give each device an id of its own/],
    ['an id of 64 characters', [{ ...device, ID: 'a'.repeat(64) }], /has an id of 64 characters; give it 1 to 63/],
    [
      'a health of its own',
      [{ ...device, health: 'fine' }],
      /has the health "fine", which counts as unhealthy; write Healthy or Unhealthy/,
    ],
    ['a node below zero', [{ ...device, topology: { nodes: [{ ID: -1n }] } }], /is near to the NUMA node -1; leave the topology out/],
  ])('with %s is told of, and known all the same', async (_what, devices, told) => {
    await bench.rawPlugin({ listAndWatch: lasting(...devices) });
    await bench.register();
    await hasDevices();
    expect(bench.messages).toEqual([expect.stringMatching(told)]);
    expect(bench.kubelet.resources().get(resource)?.devices).toHaveLength(1);
  });

  it.each<[what: string, id: string, told: RegExp]>([
    ['an empty id', '', /the device "" is left out: it has no id; give it an id of 1 to 63 printable characters/],
    ['an id with NUL', 'a\0', /the device "a\\u0000" is left out: its id has control characters/],
    [
      'an id of 10 kB',
      'x'.repeat(10_240),
      /the device "x{200}\.\.\." \(10240 characters\) is left out: its id has 10240 bytes, and 1024 are allowed/,
    ],
  ])('with %s is told of, and has that device left out, as in a node', async (_what, ID, told) => {
    await bench.rawPlugin({ listAndWatch: lasting({ ...device, ID }, device) });
    await bench.register();
    await hasDevices();
    expect(bench.messages).toEqual([expect.stringMatching(told)]);
    expect(
      bench.kubelet
        .resources()
        .get(resource)
        ?.devices.map(({ id }) => id),
    ).toEqual(['a']);
  });

  it('that ends its stream is told what it should do', async () => {
    await bench.rawPlugin({
      async *listAndWatch() {
        yield { devices: [device] };
      },
    });
    await bench.register();
    await bench.kubelet.waitFor(({ resources }) => resources().get(resource)?.connected === false);
    expect(bench.kubelet.resources().get(resource)?.devices).toMatchObject([{ id: 'a', healthy: false }]);
    expect(bench.events.at(-1)).toMatchObject({
      event: 'plugin-gone',
      message: expect.stringMatching(/it ended its stream ListAndWatch, which is to last as long as the plugin does; its devices are/),
    });
  });

  it('takes the place of another one of its resource, which is told', async () => {
    await bench.rawPlugin({ listAndWatch: lasting(device) }, 'first.sock');
    await bench.rawPlugin({ listAndWatch: lasting({ ...device, ID: 'b' }) }, 'second.sock');
    await bench.register({ endpoint: 'first.sock' });
    await hasDevices();
    await bench.register({ endpoint: 'second.sock' });
    await bench.kubelet.waitFor(({ resources }) => resources().get(resource)?.devices[0]?.id === 'b');
    expect(bench.messages).toEqual([
      expect.stringMatching(/a second plugin has registered it, at .*second\.sock, .*first\.sock; run one plugin/),
    ]);
    expect(bench.kubelet.resources().get(resource)).toMatchObject({ connected: true, socket: join(bench.deviceDirectory, 'second.sock') });
  });
});

describe('a device plugin in plugins_registry', () => {
  const info: Partial<PluginInfo> = { type: 'DevicePlugin', name: resource, supportedVersions: ['v1beta1'] };

  it('is registered, and given up with its socket', async () => {
    await bench.rawPlugin({ listAndWatch: lasting(device) });
    const registrar = await bench.registrar({ ...info, endpoint: join(bench.deviceDirectory, 'raw.sock') });
    await hasDevices();
    await expect.poll(() => registrar.told).toEqual([{ pluginRegistered: true, error: '' }]);
    await registrar.close();
    await bench.kubelet.waitFor(({ resources }) => resources().get(resource)?.connected === false);
    expect(bench.messages).toEqual([expect.stringMatching(/raw\.sock: its socket has gone; its devices are unhealthy until/)]);
  });

  it.each<[what: string, wrong: Partial<PluginInfo>, told: RegExp]>([
    ['of another version', { supportedVersions: ['v2'] }, /it speaks \["v2"\], and kubelets speak v1beta1; answer GetInfo with/],
    ['of a resource that is none of a vendor', { name: 'cpu' }, /the resource name "cpu" is not/],
    [
      'of a type that nobody knows',
      { type: 'Device' },
      /no handler for plugins of the type "Device"; answer GetInfo with one of CSIPlugin, DevicePlugin/,
    ],
  ])('%s is refused, and told why', async (_what, wrong, told) => {
    const registrar = await bench.registrar({ ...info, ...wrong });
    await expect.poll(() => registrar.told).toMatchObject([{ pluginRegistered: false, error: expect.stringMatching(told) }]);
    await expect.poll(() => bench.events.at(-1)).toMatchObject({ event: 'refused', message: expect.stringMatching(told) });
  });
});
