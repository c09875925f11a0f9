import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, connect } from '@berth/sdk/connect';
import { DevicePluginService, RegistrationService } from '@berth/sdk/device/protocol';
import { type Served, serve } from '@berth/sdk/serve';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type GivenSettings, settingsOf } from './configuration.ts';
import { openSource } from './discovery/open-source.ts';
import { canMakeDevices, GpuHostFixture } from './gpu-host.fixture.ts';
import { GpuPlugin } from './gpu-plugin.ts';
import { HostRoot } from './host-root.ts';

const { uuid, busId } = GpuHostFixture;

let directory: string;
let registered: { resourceName: string; endpoint: string }[];
let log: string[];
let stop: AbortController;
let kubelet: Served;
let running: Promise<void> | undefined;
let clients: Client<typeof DevicePluginService>[];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'berth-gpu-plugin-'));
  for (const name of ['host', 'plugins']) mkdirSync(join(directory, name));
  [registered, log, clients, stop, running] = [[], [], [], new AbortController(), undefined];
  const register = ({ resourceName, endpoint }: { resourceName: string; endpoint: string }) => {
    registered.push({ resourceName, endpoint });
    return {};
  };
  kubelet = await serve(`unix://${join(directory, 'plugins/kubelet.sock')}`, [[RegistrationService, { register }]]);
});

afterEach(async () => {
  stop.abort();
  for (const client of clients) client.close();
  await running;
  await kubelet.close(0);
  rmSync(directory, { recursive: true });
});

async function run(given: GivenSettings = {}): Promise<void> {
  const host = new HostRoot(join(directory, 'host'));
  const own = {
    pluginDirectory: join(directory, 'plugins'),
    cdiRoot: join(directory, 'cdi'),
    intervalSeconds: 0.1,
    recoverAfterSeconds: 0.5,
  };
  const settings = settingsOf({}, { ...own, ...given });
  const tell = (message: string) => void log.push(message);
  const source = await openSource(host, { kind: 'auto', migProfile: settings.migProfile, log: tell });
  running = new GpuPlugin({ settings, host, source, log: tell }).run(stop.signal);
}

const resources = () => registered.map(({ resourceName }) => resourceName).toSorted();

async function plugin(resourceName = 'nvidia.com/gpu'): Promise<Client<typeof DevicePluginService>> {
  await expect.poll(resources).toContain(resourceName);
  const endpoint = registered.find((each) => each.resourceName === resourceName)?.endpoint ?? '';
  const client = connect(DevicePluginService, `unix://${join(directory, 'plugins', endpoint)}`);
  clients.push(client);
  return client;
}

/** What the kubelet sees: each list as `ID Health`. */
async function* lists(client: Client<typeof DevicePluginService>): AsyncGenerator<string[], void> {
  for await (const { devices } of client.listAndWatch({})) yield devices.map(({ ID, health }) => `${ID} ${health}`);
}

async function allocate(client: Client<typeof DevicePluginService>, ...devicesIds: string[]) {
  const { containerResponses } = await client.allocate({ containerRequests: [{ devicesIds }] });
  return containerResponses[0];
}

it('offers nothing where there are no GPUs, and them as soon as they come', async () => {
  new GpuHostFixture(join(directory, 'host'), { gpus: 0 });
  await run();
  await expect.poll(() => log).toContain('there are no GPUs here so far');
  expect(registered).toEqual([]);
  rmSync(join(directory, 'host'), { recursive: true });
  mkdirSync(join(directory, 'host'));
  new GpuHostFixture(join(directory, 'host'));
  await plugin();
});

describe.runIf(canMakeDevices)('on a host with device files (needs root to make them)', () => {
  it('one GPU: a container gets its files, and those of the driver', async () => {
    new GpuHostFixture(join(directory, 'host'));
    await run();
    const client = await plugin();
    expect((await lists(client).next()).value).toEqual([`${busId(0)} Healthy`]);
    const host = new HostRoot(join(directory, 'host'));
    const { envs, devices, mounts } = (await allocate(client, busId(0))) ?? {};
    expect(envs).toEqual({ NVIDIA_VISIBLE_DEVICES: uuid(0) });
    expect(devices).toEqual(
      ['/dev/nvidiactl', '/dev/nvidia-uvm', '/dev/nvidia-uvm-tools', '/dev/nvidia-modeset', '/dev/nvidia0'].map((path) => ({
        hostPath: host.path(path),
        containerPath: path,
        permissions: 'rw',
      })),
    );
    expect(mounts).toContainEqual({
      hostPath: host.path('/usr/lib/x86_64-linux-gnu/libcuda.so.550.54.15'),
      containerPath: '/usr/lib/x86_64-linux-gnu/libcuda.so.1',
      readOnly: true,
    });
  });

  it('eight GPUs: near ones are preferred, with their NUMA nodes', async () => {
    new GpuHostFixture(join(directory, 'host'), { gpus: 8 });
    await run();
    const client = await plugin();
    for await (const { devices } of client.listAndWatch({})) {
      expect(devices.map(({ topology }) => topology?.nodes.map(({ ID }) => ID))).toEqual(
        [0n, 0n, 0n, 0n, 1n, 1n, 1n, 1n].map((node) => [node]),
      );
      break;
    }
    const all = Array.from({ length: 8 }, (_, index) => busId(index));
    const request = { availableDeviceIDs: all.slice(1), mustIncludeDeviceIDs: [], allocationSize: 4 };
    const { containerResponses } = await client.getPreferredAllocation({ containerRequests: [request] });
    expect(containerResponses[0]?.deviceIDs.toSorted()).toEqual(all.slice(4));
  });

  it('MIG: each profile is a resource, whose devices need the files of their instances', async () => {
    new GpuHostFixture(join(directory, 'host'), { gpus: 2, migDevices: 2 });
    await run({ migStrategy: 'mixed', migProfile: '1g.5gb' });
    const client = await plugin('nvidia.com/mig-1g.5gb');
    expect(resources()).toEqual(['nvidia.com/mig-1g.5gb']);
    const id = `MIG-${busId(1)}/2/0`;
    expect((await lists(client).next()).value).toContain(`${id} Healthy`);
    const { envs, devices } = (await allocate(client, id)) ?? {};
    expect(envs).toEqual({ NVIDIA_VISIBLE_DEVICES: `MIG-${uuid(1)}/2/0` });
    expect(devices?.map(({ containerPath }) => containerPath)).toEqual(
      expect.arrayContaining(['/dev/nvidia1', '/dev/nvidia-caps/nvidia-cap120', '/dev/nvidia-caps/nvidia-cap121']),
    );
    expect(devices?.map(({ containerPath }) => containerPath)).not.toContain('/dev/nvidia0');
  });

  it('a GPU that dies is unhealthy, and healthy again when it has recovered', async () => {
    const fixture = new GpuHostFixture(join(directory, 'host'), { gpus: 2 });
    await run();
    const client = await plugin();
    const seen = lists(client);
    const next = async () => (await seen.next()).value;
    const [both, onlyFirst] = [
      [`${busId(0)} Healthy`, `${busId(1)} Healthy`],
      [`${busId(0)} Healthy`, `${busId(1)} Unhealthy`],
    ];
    expect(await next()).toEqual(both);
    fixture.remove('dev/nvidia1');
    expect(await next()).toEqual(onlyFirst);
    await expect(allocate(client, busId(1))).rejects.toThrow(/is not in order: there is no device \/dev\/nvidia1/);
    fixture.addGpuDevice(1);
    expect(await next()).toEqual(both);
    fixture.logLine(`4,1,1,-;NVRM: Xid (PCI:${busId(0).slice(0, -2)}): 31, pid=1, a program's own fault`);
    fixture.logLine(`4,1,1,-;NVRM: Xid (PCI:${busId(1).slice(0, -2)}): 79, pid=1, GPU has fallen off the bus.`);
    expect(await next()).toEqual(onlyFirst);
    expect(await next()).toEqual(both);
    fixture.remove(`sys/bus/pci/devices/${busId(1)}`);
    expect(await next()).toEqual(onlyFirst);
    fixture.remove(`proc/driver/nvidia/gpus/${busId(1)}`);
    await expect.poll(() => log.join('\n')).toContain(`${busId(1)} is unhealthy: the driver tells of it no longer`);
  });

  it('replicas: a GPU is counted several times, and the emptiest one is preferred', async () => {
    new GpuHostFixture(join(directory, 'host'), { gpus: 2 });
    await run({ replicas: 2, renameShared: true, failRequestsGreaterThanOne: true });
    const client = await plugin('nvidia.com/gpu.shared');
    const ids = [0, 1].flatMap((gpu) => [0, 1].map((replica) => `${busId(gpu)}::${replica}`));
    expect((await lists(client).next()).value).toEqual(ids.map((id) => `${id} Healthy`));
    const request = { availableDeviceIDs: ids.slice(1), mustIncludeDeviceIDs: [], allocationSize: 1 };
    const { containerResponses } = await client.getPreferredAllocation({ containerRequests: [request] });
    expect(containerResponses).toEqual([{ deviceIDs: [`${busId(1)}::0`] }]);
    expect((await allocate(client, `${busId(1)}::1`))?.envs).toEqual({ NVIDIA_VISIBLE_DEVICES: uuid(1) });
    await expect(allocate(client, ...ids.slice(0, 2))).rejects.toThrow(/2 are requested of a resource that is shared/);
  });

  it('a GPU that nothing has used is the same device once it has a UUID, also to the plugin that starts then', async () => {
    const fixture = new GpuHostFixture(join(directory, 'host'), { gpus: 2 });
    const all = [`${busId(0)} Healthy`, `${busId(1)} Healthy`];
    fixture.tellUuid(0, undefined);
    await run();
    const client = await plugin();
    const seen = lists(client);
    expect((await seen.next()).value).toEqual(all);
    expect((await allocate(client, busId(0)))?.envs).toEqual({ NVIDIA_VISIBLE_DEVICES: '0' });
    fixture.tellUuid(0, uuid(0));
    await expect.poll(async () => (await allocate(client, busId(0)))?.envs).toEqual({ NVIDIA_VISIBLE_DEVICES: uuid(0) });
    expect((await lists(client).next()).value).toEqual(all);
    stop.abort();
    await running;
    [stop, registered] = [new AbortController(), []];
    await run();
    expect((await lists(await plugin()).next()).value).toEqual(all);
  });

  it('CDI: the specification is there before the kubelet knows of the devices, and stays for containers that start anew while no plugin runs', async () => {
    new GpuHostFixture(join(directory, 'host'));
    await run({ deviceListStrategy: ['cdi-cri'] });
    const client = await plugin();
    const { devices } = JSON.parse(readFileSync(join(directory, 'cdi/k8s.device-plugin.nvidia.com-gpu.json'), 'utf8'));
    expect(devices.map(({ name }: { name: string }) => name)).toEqual([busId(0)]);
    expect(await allocate(client, busId(0))).toMatchObject({
      cdiDevices: [{ name: `k8s.device-plugin.nvidia.com/gpu=${busId(0)}` }],
      devices: [],
      mounts: [],
    });
    stop.abort();
    await running;
    expect(existsSync(join(directory, 'cdi/k8s.device-plugin.nvidia.com-gpu.json'))).toBe(true);
    expect(readdirSync(join(directory, 'plugins'))).toEqual(['kubelet.sock']);
  });
});

it('ends with what it can not do without, and leaves nothing', async () => {
  new GpuHostFixture(join(directory, 'host'));
  await run({ deviceListStrategy: ['cdi-cri'], cdiRoot: '/dev/null/cdi' });
  await expect(running).rejects.toThrow(/choose another directory by --cdi-root/);
  running = undefined;
  expect(readdirSync(join(directory, 'plugins'))).toEqual(['kubelet.sock']);
});
