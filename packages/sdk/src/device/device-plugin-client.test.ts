import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { PluginError } from '../errors.ts';
import { type AllocateResponse, ContainerAllocateResponse, DevicePluginService } from '../gen/device-plugin.ts';
import { type Served, serve } from '../serve.ts';
import { DevicePluginClient } from './device-plugin-client.ts';

let directory: string;
let served: Served | undefined;
let client: DevicePluginClient | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-device-'));
});

afterEach(async () => {
  client?.close();
  await served?.close(0);
  [client, served] = [undefined, undefined];
  rmSync(directory, { recursive: true });
});

const socket = () => join(directory, 'a.sock');
const open = (signal?: AbortSignal) => DevicePluginClient.open({ resourceName: 'vendor.example/thing', socket: socket(), signal });

async function servePlugin(allocate?: () => AllocateResponse): Promise<void> {
  const getDevicePluginOptions = () => ({ preStartRequired: false, getPreferredAllocationAvailable: false });
  served = await serve(`unix://${socket()}`, [[DevicePluginService, { getDevicePluginOptions, ...(allocate && { allocate }) }]]);
}

it('waits for a plugin that serves a moment later', async () => {
  const opening = open();
  setTimeout(() => void servePlugin(), 250);
  client = await opening;
  expect(client.options).toMatchObject({ preStartRequired: false });
});

it('gives a plugin up that nobody waits for any more', async () => {
  const stop = new AbortController();
  const opening = open(stop.signal);
  setTimeout(() => stop.abort(new Error('enough')), 250);
  await expect(opening).rejects.toThrow();
});

it.each([0, 2])('refuses an answer for %i containers', async (count) => {
  await servePlugin(() => ({ containerResponses: Array.from({ length: count }, () => ContainerAllocateResponse.create()) }));
  client = await open();
  await expect(client.allocate(['a'])).rejects.toThrow(
    new RegExp(`a\\.sock: it was asked for one container and answered for ${count}; answer with one ContainerAllocateResponse for each`),
  );
});

it.each([
  [
    'GetPreferredAllocation',
    (made: DevicePluginClient) => made.preferred({ availableDeviceIDs: ['a'], mustIncludeDeviceIDs: [], allocationSize: 1 }),
  ],
  ['Allocate', (made: DevicePluginClient) => made.allocate(['a'])],
  ['PreStartContainer', (made: DevicePluginClient) => made.preStart(['a'])],
])('names the resource where %s fails', async (name, call) => {
  const tired = (): never => {
    throw new PluginError('UNAVAILABLE', 'too tired');
  };
  served = await serve(`unix://${socket()}`, [
    [
      DevicePluginService,
      {
        getDevicePluginOptions: () => ({ preStartRequired: true, getPreferredAllocationAvailable: true }),
        getPreferredAllocation: tired,
        allocate: tired,
        preStartContainer: tired,
      },
    ],
  ]);
  client = await open();
  await expect(call(client)).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: `${name} of the device plugin for vendor.example/thing at ${socket()}: too tired`,
  });
});

it('asks a plugin for nothing that it does not offer', async () => {
  await servePlugin();
  client = await open();
  expect(await client.preferred({ availableDeviceIDs: ['a'], mustIncludeDeviceIDs: [], allocationSize: 1 })).toEqual([]);
  await client.preStart(['a']);
});
