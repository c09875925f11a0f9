import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, linkSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Client, connect } from './connect.ts';
import type { RunOptions } from './device/device-plugin-runner.ts';
import { type DeviceDescription, type DevicePluginDefinition, devicePlugin } from './device.ts';
import { DevicePluginService, type RegisterRequest, RegistrationService } from './gen/device-plugin.ts';
import { type Served, serve } from './serve.ts';

let directory: string;
let stop: AbortController;
let running: Promise<void> | undefined;
let kubelet: Served | undefined;
let registered: RegisterRequest[];
let clients: Client<typeof DevicePluginService>[];
let log: string[];
let lists: Lists;

/** What the plugin's `list` gives, as the test says. */
class Lists {
  #waiting = Promise.withResolvers<void>();
  #next: (readonly DeviceDescription[] | Error)[] = [];

  give(next: readonly DeviceDescription[] | Error): void {
    this.#next.push(next);
    this.#waiting.resolve();
  }

  async *list(signal: AbortSignal): AsyncGenerator<readonly DeviceDescription[], void> {
    signal.addEventListener('abort', () => this.#waiting.resolve());
    while (!signal.aborted) {
      const next = this.#next.shift();
      if (next instanceof Error) throw next;
      if (next) yield next;
      else {
        this.#waiting = Promise.withResolvers();
        if (!signal.aborted) await this.#waiting.promise;
      }
    }
  }
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-device-'));
  stop = new AbortController();
  [registered, clients, log] = [[], [], []];
  lists = new Lists();
});

afterEach(async () => {
  stop.abort();
  for (const client of clients) client.close();
  await running;
  await kubelet?.close();
  [running, kubelet] = [undefined, undefined];
  rmSync(directory, { recursive: true });
});

const socket = (name: string) => `unix://${join(directory, name)}`;

/** Begins as kubelet does: removes what sockets there are, then serves. */
async function startKubelet(): Promise<void> {
  await kubelet?.close(0);
  for (const name of readdirSync(directory)) rmSync(join(directory, name));
  const register = (request: RegisterRequest) => {
    registered.push(request);
    return {};
  };
  kubelet = await serve(socket('kubelet.sock'), [[RegistrationService, { register }]]);
}

function run(more: Partial<DevicePluginDefinition> = {}, options: RunOptions = {}): void {
  const definition: DevicePluginDefinition = {
    resourceName: 'vendor.example/thing',
    list: (signal) => lists.list(signal),
    allocate: (ids) => ({
      envs: { THINGS: ids.join() },
      devices: ids.map((id) => ({ hostPath: `/dev/${id}` })),
      cdiDevices: ['vendor.example/c=a'],
    }),
    ...more,
  };
  running = devicePlugin(definition).run({ directory, signal: stop.signal, log: (message) => void log.push(message), ...options });
}

function plugin(): Client<typeof DevicePluginService> {
  const client = connect(DevicePluginService, socket('vendor.example-thing.sock'));
  clients.push(client);
  return client;
}

const timesRegistered = (count: number) => expect.poll(() => registered.length).toBe(count);

async function* healths(): AsyncGenerator<string, void> {
  for await (const { devices } of plugin().listAndWatch({})) yield devices.map(({ ID, health }) => `${ID} ${health}`).join();
}

it('says where it may not look for a kubelet, and looks again', async () => {
  await startKubelet();
  const place = join(directory, 'plugins');
  writeFileSync(place, '');
  run({}, { directory: place });
  await expect.poll(() => log.join()).toContain(`can't look for a kubelet in ${place}: `);
  rmSync(place);
  symlinkSync(directory, place);
  await timesRegistered(1);
});

it('says of a kubelet that has crashed that it is the kubelet', async () => {
  // Node removes the file of the name that it listened on.
  const server = createServer().listen(join(directory, 'made.sock'));
  await once(server, 'listening');
  linkSync(join(directory, 'made.sock'), join(directory, 'kubelet.sock'));
  await promisify(server.close.bind(server))();
  run();
  await expect
    .poll(() => log.join())
    .toMatch(/can't register: Register on unix:.*kubelet\.sock: nobody listens there; is the kubelet running\?/);
});

it.each([
  [
    'kubelet.sock',
    /option socketName of the device plugin for vendor\.example\/thing: its endpoint kubelet\.sock is the kubelet's own socket; serve on/,
  ],
  ['a/b.sock', /option socketName .*: its endpoint is no name of a socket .*; give the name of the file alone/],
])('refuses to serve on %s', async (socketName, told) => {
  await startKubelet();
  run({}, { socketName });
  await expect(running).rejects.toThrow(told);
  running = undefined;
  expect([registered, readdirSync(directory)]).toEqual([[], ['kubelet.sock']]);
});

it('registers with its name, socket and options, and tells its devices', async () => {
  await startKubelet();
  run({ preferred: ({ available, size }) => available.slice(0, size) });
  lists.give([
    { id: 'a', numaNodes: [1] },
    { id: 'b', healthy: false },
  ]);
  await timesRegistered(1);
  const options = { preStartRequired: false, getPreferredAllocationAvailable: true };
  expect(registered).toEqual([
    { version: 'v1beta1', endpoint: 'vendor.example-thing.sock', resourceName: 'vendor.example/thing', options },
  ]);
  expect(await plugin().getDevicePluginOptions({})).toEqual(options);
  for await (const { devices } of plugin().listAndWatch({})) {
    expect(devices).toEqual([
      { ID: 'a', health: 'Healthy', topology: { nodes: [{ ID: 1n }] } },
      { ID: 'b', health: 'Unhealthy', topology: undefined },
    ]);
    break;
  }
});

it('finds a directory that is named from where it runs', async () => {
  await startKubelet();
  const definition = { resourceName: 'vendor.example/thing', list: (signal: AbortSignal) => lists.list(signal), allocate: () => ({}) };
  running = devicePlugin(definition).run({ directory: relative('.', directory), signal: stop.signal, log: () => undefined });
  await timesRegistered(1);
});

it('waits for a kubelet, and registers again with each that begins anew', async () => {
  run();
  lists.give([{ id: 'a' }]);
  await expect.poll(() => log).toEqual([expect.stringContaining('waiting for a kubelet')]);
  await startKubelet();
  await timesRegistered(1);
  await startKubelet();
  await timesRegistered(2);
  expect(await plugin().allocate({ containerRequests: [{ devicesIds: ['a'] }] })).toMatchObject({
    containerResponses: [{ envs: { THINGS: 'a' } }],
  });
});

it('registers again when its own socket is removed, and when a kubelet watches no longer', async () => {
  await startKubelet();
  run();
  lists.give([{ id: 'a' }]);
  await timesRegistered(1);
  rmSync(join(directory, 'vendor.example-thing.sock'));
  await timesRegistered(2);
  const watching = healths();
  await watching.next();
  await watching.return();
  await timesRegistered(3);
});

it('leaves no socket, and ends the streams, when it is stopped', async () => {
  await startKubelet();
  run();
  lists.give([{ id: 'a' }]);
  await timesRegistered(1);
  const watching = healths();
  await watching.next();
  stop.abort();
  await running;
  await expect(watching.next()).rejects.toThrow(/shutting down/);
  expect(existsSync(join(directory, 'vendor.example-thing.sock'))).toBe(false);
});

describe('its list', () => {
  beforeEach(async () => {
    await startKubelet();
    run();
    lists.give([{ id: 'a' }, { id: 'b' }]);
    await timesRegistered(1);
  });

  it('reaches the kubelet each time that it has changed', async () => {
    const watching = healths();
    expect((await watching.next()).value).toBe('a Healthy,b Healthy');
    lists.give([{ id: 'a' }, { id: 'b' }]);
    lists.give([{ id: 'a', healthy: false }, { id: 'b' }]);
    expect((await watching.next()).value).toBe('a Unhealthy,b Healthy');
    lists.give([{ id: 'a' }]);
    expect((await watching.next()).value).toBe('a Healthy');
  });

  it('that fails makes its devices unhealthy until it succeeds again', async () => {
    const watching = healths();
    await watching.next();
    lists.give(new Error('the bus is gone'));
    expect((await watching.next()).value).toBe('a Unhealthy,b Unhealthy');
    lists.give([{ id: 'a' }]);
    expect((await watching.next()).value).toBe('a Healthy');
    expect(log.join()).toContain('list failed: the bus is gone');
  });

  it.each([
    ['an id of 64 characters', [{ id: 'a'.repeat(64) }], /has not 1 to 63 characters/],
    ['an id with NUL', [{ id: 'a\0' }], /of the device "a\\u0000": its id has control characters/],
    ['an id of 10 kB', [{ id: 'a'.repeat(10_240) }], /the id "a{200}\.\.\." \(10240 characters\) has not 1 to 63 characters/],
    ['an id twice', [{ id: 'a' }, { id: 'a' }], /the id a comes twice/],
    ['half a node', [{ id: 'a', numaNodes: [0.5] }], /the device a is near to the NUMA nodes \[0\.5\], which are no list of whole numbers/],
  ])('with %s is told, and the one before it stays', async (_what, list, told) => {
    lists.give(list);
    await expect.poll(() => log.join()).toMatch(told);
    expect((await healths().next()).value).toBe('a Healthy,b Healthy');
  });
});

describe('its calls', () => {
  it('say which devices there are not', async () => {
    await startKubelet();
    run();
    lists.give([{ id: 'a' }]);
    await timesRegistered(1);
    const allocating = plugin().allocate({ containerRequests: [{ devicesIds: ['a', 'z'] }] });
    await expect(allocating).rejects.toThrow(/resource vendor\.example\/thing: there is no such device: "z"/);
  });

  it('count an id that comes twice once', async () => {
    await startKubelet();
    run();
    lists.give([{ id: 'a' }]);
    await timesRegistered(1);
    const { containerResponses } = await plugin().allocate({ containerRequests: [{ devicesIds: ['a', 'a'] }] });
    expect(containerResponses).toMatchObject([{ envs: { THINGS: 'a' }, devices: [{ hostPath: '/dev/a' }] }]);
  });

  it('name the function that failed', async () => {
    await startKubelet();
    run({
      preStart: () => {
        throw new Error('no power');
      },
    });
    lists.give([{ id: 'a' }]);
    await timesRegistered(1);
    await expect(plugin().preStartContainer({ devicesIds: ['a'] })).rejects.toThrow(
      /preStart of resource vendor\.example\/thing: no power/,
    );
  });

  it('answer each container in its place', async () => {
    await startKubelet();
    run({ preferred: ({ mustInclude, available, size }) => [...new Set([...mustInclude, ...available])].slice(0, size) });
    lists.give([{ id: 'a' }, { id: 'b' }]);
    await timesRegistered(1);
    const { containerResponses } = await plugin().allocate({ containerRequests: [{ devicesIds: ['b'] }, { devicesIds: ['a'] }] });
    expect(containerResponses.map(({ envs, devices }) => [envs.THINGS, devices])).toEqual([
      ['b', [{ hostPath: '/dev/b', containerPath: '/dev/b', permissions: 'rw' }]],
      ['a', [{ hostPath: '/dev/a', containerPath: '/dev/a', permissions: 'rw' }]],
    ]);
    const request = { availableDeviceIDs: ['a', 'b'], mustIncludeDeviceIDs: ['b'], allocationSize: 1 };
    const preferred = await plugin().getPreferredAllocation({ containerRequests: [request] });
    expect(preferred.containerResponses).toEqual([{ deviceIDs: ['b'] }]);
  });
});

it('does not take turns with another plugin of its resource', async () => {
  await startKubelet();
  run();
  lists.give([{ id: 'a' }]);
  await timesRegistered(1);
  const began = performance.now();
  const watching = healths();
  await watching.next();
  await watching.return();
  await timesRegistered(2);
  const again = healths();
  await again.next();
  await again.return();
  await timesRegistered(3);
  expect(log.join()).toMatch(
    /kubelet\.sock watches its devices no longer: it has ended, or another plugin of vendor\.example\/thing has taken/,
  );
  // Pauses of 1 s and of 2 s, by the clock of the host.
  expect(performance.now() - began).toBeGreaterThan(2900);
});

it('ends though its list does not heed the signal', async () => {
  run({ list: () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => undefined) }) }) });
  stop.abort();
  await expect(running).resolves.toBeUndefined();
});

describe('who is trusted', () => {
  it('registers with no kubelet of another user', async () => {
    await startKubelet();
    run({}, { allowedUids: [4_000_000] });
    await expect
      .poll(() => log.join())
      .toMatch(/can't register: the kubelet's socket is the user \d+'s, and only those of 4000000 are trusted/);
    expect(registered).toEqual([]);
  });

  it.runIf(process.getuid?.() === 0)('breaks off calls of other users', async () => {
    await startKubelet();
    run();
    lists.give([{ id: 'a' }]);
    await timesRegistered(1);
    const path = join(directory, 'vendor.example-thing.sock');
    chmodSync(directory, 0o755);
    chmodSync(path, 0o666);
    const call = `require('net').connect(${JSON.stringify(path)}).on('connect', () => console.log('connected')).on('close', () => process.exit())`;
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', call], { uid: 65_534, cwd: '/' });
    expect(stdout).toBe('connected\n');
    expect(log).toContain('refused a call of the user 65534: only 0 may call');
    expect(await plugin().getDevicePluginOptions({})).toBeDefined();
  });
});

describe('what a compiler would have found', () => {
  it.each(['list', 'allocate'])('is told where the function %s is missing', (name) => {
    const definition = { resourceName: 'vendor.example/thing', list: (signal: AbortSignal) => lists.list(signal), allocate: () => ({}) };
    expect(() => devicePlugin({ ...definition, [name]: undefined })).toThrow(`it has no function ${name}; write one: every device plugin`);
  });

  it.each<[what: string, answer: unknown, told: RegExp]>([
    ['nothing', undefined, /allocate of resource vendor\.example\/thing: it answered undefined; answer with .*, \{\} for nothing/],
    ['a device without a path', { devices: ['/dev/null'] }, /one of its devices lacks hostPath/],
    ['a mount on no path', { mounts: [{ hostPath: '/etc' }] }, /one of its mounts lacks hostPath or containerPath/],
    [
      'a path that leads upwards',
      { devices: [{ hostPath: '/dev/../x' }] },
      /allocate of resource .*the device has the path "\/dev\/\.\.\/x" in the host; write a whole/,
    ],
    ['no name in CDI', { cdiDevices: ['gpu0'] }, /"gpu0" is no name in the Container Device Interface/],
  ])('is told where allocate answers %s', async (_what, answer, told) => {
    await startKubelet();
    run({ allocate: () => answer as object });
    lists.give([{ id: 'a' }]);
    await timesRegistered(1);
    await expect(plugin().allocate({ containerRequests: [{ devicesIds: ['a'] }] })).rejects.toThrow(told);
  });

  it('is told where list gives no async iterable', async () => {
    await startKubelet();
    run({ list: () => [[{ id: 'a' }]] as never });
    await expect.poll(() => log.join()).toMatch(/list failed: it gave no async iterable; write async \*list\(signal\)/);
  });
});

it.each(['gpu', 'kubernetes.io/gpu', 'vendor.example/'])('refuses the resource name %s', (resourceName) => {
  const definition = { resourceName, list: (signal: AbortSignal) => lists.list(signal), allocate: () => ({}) };
  expect(() => devicePlugin(definition)).toThrow(/not that of an extended resource; write vendor\.example\/name/);
});
