import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Device, DevicePluginService, type ListAndWatchResponse } from '@berth/sdk/device/protocol';
import { type Served, serve } from '@berth/sdk/serve';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ManualClock } from '../../testing/manual-clock.ts';
import { DeviceHoldings } from './device-holdings.ts';
import { DevicePlugins } from './device-plugins.ts';

const resource = 'vendor.example/thing';

let directory: string;
let clock: ManualClock;
let holdings: DeviceHoldings;
let plugins: DevicePlugins;
let served: Served;
let warnings: string[];
let changes: number;
/** What ListAndWatch gives. */
let lists: () => AsyncIterable<ListAndWatchResponse>;
const never = new Promise<never>(() => {});

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'berth-devices-'));
  [clock, holdings, warnings, changes] = [new ManualClock(), new DeviceHoldings(), [], 0];
  plugins = new DevicePlugins({
    holdings,
    clock,
    onChange: () => void changes++,
    warn: (reason, message) => void warnings.push(`${reason}: ${message}`),
    log: pino({ level: 'silent' }),
  });
  served = await serve(`unix://${socket()}`, [
    [
      DevicePluginService,
      { getDevicePluginOptions: () => ({ preStartRequired: false, getPreferredAllocationAvailable: false }), listAndWatch: () => lists() },
    ],
  ]);
});

afterEach(async () => {
  await plugins.close();
  await served.close(0);
  rmSync(directory, { recursive: true });
});

const socket = () => join(directory, 'a.sock');
const device = (ID: string, health = 'Healthy') => Device.create({ ID, health });
const told = () => [...(holdings.devicesOf(resource) ?? [])].map(([id, { healthy }]) => `${id} ${healthy ? 'well' : 'ill'}`);

async function* once(...devices: Device[]): AsyncGenerator<ListAndWatchResponse> {
  yield { devices };
  await never;
}

it('a resource whose plugin has gone is none after five minutes, and one again once the plugin is back', async () => {
  lists = () => once(device('a'));
  await plugins.register({ resourceName: resource, socket: socket() });
  await expect.poll(told).toEqual(['a well']);
  plugins.deregister({ resourceName: resource, socket: socket() });
  expect(told()).toEqual(['a ill']);
  clock.advance(299_000);
  expect([holdings.resources, [...plugins.givenUp]]).toEqual([[resource], []]);
  clock.advance(1000);
  expect([holdings.resources, [...plugins.givenUp]]).toEqual([[], [resource]]);
  await plugins.register({ resourceName: resource, socket: socket() });
  await expect.poll(told).toEqual(['a well']);
  clock.advance(600_000);
  expect([holdings.resources, [...plugins.givenUp]]).toEqual([[resource], []]);
});

it('a plugin that a kubelet before had is waited for as long', async () => {
  plugins.expect(resource);
  expect(told()).toEqual([]);
  await expect(plugins.preStart(resource, ['a'], AbortSignal.timeout(1000))).rejects.toThrow('it is not registered at the moment');
  clock.advance(300_000);
  expect([holdings.resources, [...plugins.givenUp]]).toEqual([[], [resource]]);
  await plugins.preStart(resource, ['a'], AbortSignal.timeout(1000));
});

it('a resource that nobody knows may be one for the first minute', async () => {
  expect(plugins.isAwaited(resource)).toBe(true);
  clock.advance(59_000);
  expect(plugins.isAwaited(resource)).toBe(true);
  lists = () => once(device('a'));
  await plugins.register({ resourceName: resource, socket: socket() });
  await expect.poll(() => plugins.isAwaited(resource)).toBe(false);
  clock.advance(1000);
  expect(plugins.isAwaited('vendor.example/other')).toBe(false);
});

it('what waits for a plugin that was never there is told of the first minute, and else of how long a plugin may be away', async () => {
  expect(plugins.unregistered(resource).message).toMatch(
    /it has not registered yet; .*; what asks for vendor\.example\/thing is refused if none has registered a minute after the kubelet's start$/,
  );
  const givenUp = /it is not registered at the moment; .*; it is given up 5 minutes after it was last there, or after the kubelet's start$/;
  plugins.expect(resource);
  expect(plugins.unregistered(resource).message).toMatch(givenUp);
  lists = () => once(device('a'));
  await plugins.register({ resourceName: resource, socket: socket() });
  plugins.deregister({ resourceName: resource, socket: socket() });
  expect(plugins.unregistered(resource).message).toMatch(givenUp);
});

it('a stream that ends makes its devices ill', async () => {
  const end = Promise.withResolvers<void>();
  lists = async function* () {
    yield { devices: [device('a'), device('b', 'Unhealthy')] };
    await end.promise;
  };
  await plugins.register({ resourceName: resource, socket: socket() });
  await expect.poll(told).toEqual(['a well', 'b ill']);
  end.resolve();
  await expect.poll(told).toEqual(['a ill', 'b ill']);
  expect(plugins.clientOf(resource)).toBeUndefined();
});

it.each([
  ['without an id', [device('')], [], /the device "" is left out: it has no id/],
  [
    'with an id of 10 kB',
    [device('x'.repeat(10_240)), device('b')],
    ['b well'],
    /the device "x{200}\.\.\." \(10240 characters\) is left out: its id has 10240 bytes, and 1024 are allowed; mend/,
  ],
  ['with a NUL in its id', [device('a\0b')], [], /the device "a\\u0000b" is left out: its id has control characters/],
  ['that comes twice', [device('a'), device('a', 'Unhealthy')], ['a ill'], /the id "a" comes twice; the last one counts/],
])('of a list with a device %s what is good is taken', async (_, devices, expected, message) => {
  lists = () => once(...devices);
  await plugins.register({ resourceName: resource, socket: socket() });
  await expect.poll(() => warnings).toEqual([expect.stringMatching(message)]);
  await expect.poll(told).toEqual(expected);
});

it('what is wrong with a list counts until there is a better one, or the plugin has gone', async () => {
  const next = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  lists = async function* () {
    yield { devices: [device(''), device('a')] };
    await next[0]?.promise;
    yield { devices: [device('b')] };
    await next[1]?.promise;
    yield { devices: [device('')] };
    await never;
  };
  await plugins.register({ resourceName: resource, socket: socket() });
  await expect.poll(told).toEqual(['a well']);
  expect(plugins.faultsOf(resource)).toBe('the device "" is left out: it has no id');
  next[0]?.resolve();
  await expect.poll(told).toEqual(['b well']);
  expect(plugins.faultsOf(resource)).toBeUndefined();
  next[1]?.resolve();
  await expect.poll(told).toEqual([]);
  expect(plugins.faultsOf(resource)).toContain('it has no id');
  plugins.deregister({ resourceName: resource, socket: socket() });
  expect(plugins.faultsOf(resource)).toBeUndefined();
});

it('the same faults are told once', async () => {
  lists = async function* () {
    for (const health of ['Healthy', 'Unhealthy']) yield { devices: [device(''), device('a', health)] };
    yield { devices: [device('a', 'Healthy'), device('a', 'Unhealthy'), device('b')] };
    await never;
  };
  await plugins.register({ resourceName: resource, socket: socket() });
  await expect.poll(told).toEqual(['a ill', 'b well']);
  expect(warnings).toEqual([expect.stringContaining('it has no id'), expect.stringContaining('comes twice')]);
});

it('a plugin that tells without an end is held back', async () => {
  let sent = 0;
  lists = async function* () {
    for (; sent < 10_000; sent++) yield { devices: [device(`d${sent}`)] };
    await never;
  };
  await plugins.register({ resourceName: resource, socket: socket() });
  await expect.poll(() => warnings.length).toBeGreaterThan(0);
  expect(changes).toBe(51);
  for (let second = 0; second < 3; second++) {
    const before = changes;
    clock.advance(1000);
    await expect.poll(() => changes).toBeGreaterThan(before);
  }
  expect(changes).toBeLessThan(51 + 4 * 50);
  expect(warnings).toEqual([
    expect.stringMatching(/^DevicePluginFloods: the device plugin for vendor\.example\/thing tells of its devices more often/),
  ]);
});
