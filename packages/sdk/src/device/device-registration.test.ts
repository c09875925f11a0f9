import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DevicePluginService } from '../gen/device-plugin.ts';
import { type Served, serve } from '../serve.ts';
import { serveDeviceRegistration } from './device-registration.ts';

let directory: string;
let servers: Served[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-device-'));
  servers = [];
});

afterEach(async () => {
  for (const server of servers) await server.close(0);
  rmSync(directory, { recursive: true });
});

const kubelet = async () => void servers.push(await serveDeviceRegistration({ directory, register: () => {} }));

it('removes the sockets of plugins that a kubelet before had, and nothing else', async () => {
  servers.push(await serve(`unix://${join(directory, 'plugin.sock')}`, [[DevicePluginService, {}]]));
  writeFileSync(join(directory, 'kubelet_internal_checkpoint'), '');
  await kubelet();
  expect(readdirSync(directory).toSorted()).toEqual(['kubelet.sock', 'kubelet_internal_checkpoint']);
});

it('leaves the sockets of another kubelet that serves there alone', async () => {
  await kubelet();
  servers.push(await serve(`unix://${join(directory, 'plugin.sock')}`, [[DevicePluginService, {}]]));
  await expect(kubelet()).rejects.toThrow(/kubelet\.sock: another server listens on it; stop that one or choose another path/);
  expect(readdirSync(directory).toSorted()).toEqual(['kubelet.sock', 'plugin.sock']);
});
