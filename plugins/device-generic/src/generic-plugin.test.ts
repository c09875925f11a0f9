import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, connect } from '@berth/sdk/connect';
import { DevicePluginService, RegistrationService } from '@berth/sdk/device/protocol';
import { type Served, serve } from '@berth/sdk/serve';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ResourceSettings } from './configuration.ts';
import { DeviceFiles } from './device-files.ts';
import { canMakeDevices, DeviceHostFixture } from './device-host.fixture.ts';
import { runGenericPlugin } from './generic-plugin.ts';

let directory: string;
let host: DeviceHostFixture;
let registered: string[];
let kubelet: Served;
let stop: AbortController;
let running: Promise<void>;
let clients: Client<typeof DevicePluginService>[];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'berth-generic-plugin-'));
  mkdirSync(join(directory, 'plugins'));
  host = new DeviceHostFixture(join(directory, 'host'));
  [registered, clients, stop, running] = [[], [], new AbortController(), Promise.resolve()];
  const register = ({ resourceName }: { resourceName: string }) => {
    registered.push(resourceName);
    return {};
  };
  kubelet = await serve(`unix://${join(directory, 'plugins/kubelet.sock')}`, [[RegistrationService, { register }]]);
});

afterEach(async () => {
  stop.abort();
  for (const client of clients) client.close();
  await running.catch(() => undefined);
  await kubelet.close(0);
  rmSync(directory, { recursive: true });
});

function run(resources: Partial<ResourceSettings>[], allowedUids?: number[]): void {
  const standard = { name: 'example.org/serial', patterns: [], exclude: [], groups: [], permissions: 'rw', replicas: 1 };
  const settings = {
    resources: resources.map((each) => ({ ...standard, ...each })),
    intervalSeconds: 0.1,
    pluginDirectory: join(directory, 'plugins'),
    allowedUids,
  };
  running = runGenericPlugin({ settings, files: new DeviceFiles(host.directory), log: () => undefined }, stop.signal);
}

async function plugin(name: string): Promise<Client<typeof DevicePluginService>> {
  await expect.poll(() => registered).toContain(name);
  const client = connect(DevicePluginService, `unix://${join(directory, 'plugins', `${name.replace('/', '-')}.sock`)}`);
  clients.push(client);
  return client;
}

async function* lists(client: Client<typeof DevicePluginService>): AsyncGenerator<string[], void> {
  for await (const { devices } of client.listAndWatch({})) yield devices.map(({ ID, health }) => `${ID} ${health}`);
}

async function allocate(client: Client<typeof DevicePluginService>, ...devicesIds: string[]) {
  const { containerResponses } = await client.allocate({ containerRequests: [{ devicesIds }] });
  return containerResponses[0];
}

describe.runIf(canMakeDevices)('with device files (needs root to make them)', () => {
  it('tells of those that come and go', async () => {
    host.addDevice('/dev/ttyUSB0');
    run([{ patterns: ['/dev/ttyUSB*'] }]);
    const client = await plugin('example.org/serial');
    const seen = lists(client);
    expect((await seen.next()).value).toEqual(['ttyUSB0 Healthy']);
    host.addDevice('/dev/ttyUSB1', { minor: 1 });
    expect((await seen.next()).value).toEqual(['ttyUSB0 Healthy', 'ttyUSB1 Healthy']);
    rmSync(join(host.directory, 'dev/ttyUSB0'));
    expect((await seen.next()).value).toEqual(['ttyUSB0 Unhealthy', 'ttyUSB1 Healthy']);
    await expect(allocate(client, 'ttyUSB0')).rejects.toThrow(/device ttyUSB0: it is not in order: there is no \/dev\/ttyUSB0/);
    host.addDevice('/dev/ttyUSB0');
    expect((await seen.next()).value).toEqual(['ttyUSB0 Healthy', 'ttyUSB1 Healthy']);
  });

  it('gives containers the files, where they are to have them', async () => {
    host.addDevice('/dev/ttyUSB3');
    host.addDevice('/dev/ttyUSB4', { minor: 1 });
    host.addLink('/dev/serial/modem', '/dev/ttyUSB3');
    run([
      { patterns: ['/dev/ttyUSB*'], containerPath: '/dev/serial{index}', permissions: 'r', env: 'PORTS', exclude: ['/dev/ttyUSB3'] },
      { name: 'example.org/modem', patterns: ['/dev/serial/*'] },
    ]);
    expect(await allocate(await plugin('example.org/serial'), 'ttyUSB4')).toMatchObject({
      devices: [{ hostPath: join(host.directory, 'dev/ttyUSB4'), containerPath: '/dev/serial0', permissions: 'r' }],
      envs: { PORTS: '/dev/serial0' },
    });
    expect(await allocate(await plugin('example.org/modem'), 'serial/modem')).toMatchObject({
      devices: [{ hostPath: join(host.directory, 'dev/ttyUSB3'), containerPath: '/dev/serial/modem', permissions: 'rw' }],
      envs: {},
    });
  });

  it('refuses two files for one place', async () => {
    for (const minor of [0, 1]) host.addDevice(`/dev/ttyUSB${minor}`, { minor });
    run([{ patterns: ['/dev/ttyUSB*'], containerPath: '/dev/port' }]);
    const client = await plugin('example.org/serial');
    expect((await allocate(client, 'ttyUSB1'))?.devices).toMatchObject([{ containerPath: '/dev/port' }]);
    const message =
      /containerPath of example\.org\/serial: 2 files are for one container, and several of them for \/dev\/port there; have \{name\}/;
    await expect(allocate(client, 'ttyUSB0', 'ttyUSB1')).rejects.toThrow(message);
  });

  it('counts each as often as it may be shared, and gives it once', async () => {
    host.addDevice('/dev/kvm');
    run([{ name: 'example.org/kvm', patterns: ['/dev/kvm'], replicas: 3 }]);
    const client = await plugin('example.org/kvm');
    expect((await lists(client).next()).value).toEqual(['kvm::0 Healthy', 'kvm::1 Healthy', 'kvm::2 Healthy']);
    expect((await allocate(client, 'kvm::0', 'kvm::2'))?.devices).toHaveLength(1);
  });

  it.each([
    [1, 'line::1'],
    [2, 'line::1::0'],
  ])('with %i replicas gives a file that is called as a replica is: %s', async (replicas, id) => {
    host.addDevice('/dev/line::1');
    run([{ patterns: ['/dev/line*'], replicas }]);
    const client = await plugin('example.org/serial');
    expect((await lists(client).next()).value).toContain(`${id} Healthy`);
    expect((await allocate(client, id))?.devices).toMatchObject([{ hostPath: join(host.directory, 'dev/line::1') }]);
  });
});

it('leaves no socket at its end', async () => {
  run([{ patterns: ['/dev/ttyUSB*'] }, { name: 'example.org/other', patterns: ['/dev/other'] }]);
  await plugin('example.org/serial');
  await plugin('example.org/other');
  stop.abort();
  await running;
  expect(readdirSync(join(directory, 'plugins'))).toEqual(['kubelet.sock']);
});
