import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { PluginInfo, RegistrationService, type RegistrationStatus } from '../gen/plugin-registration.ts';
import { type Served, serve } from '../serve.ts';
import type { RegisteredPlugin } from './plugin-handler.ts';
import { PluginWatcher } from './plugin-watcher.ts';

const silent = { info: () => {}, warn: () => {}, error: () => {} };

let directory: string;
let stop: AbortController;
let running: Promise<void>;
let servers: Served[];
/** What the handler of CSI drivers was called for. */
let calls: string[];
let refusal: Error | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-plugins-'));
  stop = new AbortController();
  [servers, calls, refusal] = [[], [], undefined];
  const handler = {
    validate: ({ name, supportedVersions }: RegisteredPlugin) => {
      calls.push(`validate ${name} ${supportedVersions}`);
      if (refusal) throw refusal;
    },
    register: async ({ name, endpoint }: RegisteredPlugin, signal: AbortSignal) => {
      calls.push(`register ${name} ${endpoint.replace(directory, '')}`);
      if (name === 'slow') await once(signal, 'abort');
    },
    deregister: ({ name }: RegisteredPlugin) => void calls.push(`deregister ${name}`),
  };
  const handlers = new Map([['CSIPlugin', handler]]);
  running = new PluginWatcher({ directory, handlers, log: silent }).run(stop.signal);
});

afterEach(async () => {
  stop.abort();
  await running;
  for (const server of servers) await server.close(0);
  rmSync(directory, { recursive: true });
});

/** Serves a plugin's registration, and gives what it is told of it. */
async function plugin(path: string, info: Partial<PluginInfo> = {}): Promise<{ told: RegistrationStatus[]; server: Served }> {
  const told: RegistrationStatus[] = [];
  const answer = PluginInfo.create({ type: 'CSIPlugin', name: 'driver', supportedVersions: ['1.0.0'], ...info });
  const notifyRegistrationStatus = (status: RegistrationStatus) => {
    told.push(status);
    return {};
  };
  const server = await serve(`unix://${join(directory, path)}`, [
    [RegistrationService, { getInfo: () => answer, notifyRegistrationStatus }],
  ]);
  servers.push(server);
  return { told, server };
}

const registered = { pluginRegistered: true, error: '' };

it('keeps a plugin whose socket gets another mode', async () => {
  const { told } = await plugin('driver/reg.sock', { endpoint: '/csi.sock' });
  await expect.poll(() => told).toEqual([registered]);
  chmodSync(join(directory, 'driver/reg.sock'), 0o660);
  await plugin('other/reg.sock', { name: 'other', endpoint: '/other.sock' });
  await expect.poll(() => calls.at(-1)).toBe('register other /other.sock');
  expect(calls).toEqual(['validate driver 1.0.0', 'register driver /csi.sock', 'validate other 1.0.0', 'register other /other.sock']);
});

it('registers a plugin whose socket appears, and gives it up when the socket goes', async () => {
  const { told, server } = await plugin('driver/reg.sock', { endpoint: '/csi.sock' });
  await expect.poll(() => told).toEqual([registered]);
  await server.close(0);
  await expect.poll(() => calls).toEqual(['validate driver 1.0.0', 'register driver /csi.sock', 'deregister driver']);
});

it('takes the socket itself where a plugin names no other', async () => {
  await plugin('reg.sock');
  await expect.poll(() => calls).toContain('register driver /reg.sock');
});

it('registers anew what comes again under the same path', async () => {
  const { server } = await plugin('reg.sock');
  await expect.poll(() => calls).toContain('register driver /reg.sock');
  await server.close(0);
  await plugin('reg.sock', { name: 'next' });
  await expect.poll(() => calls.slice(2)).toEqual(['deregister driver', 'validate next 1.0.0', 'register next /reg.sock']);
});

it('gives up one whose socket went while it was registered, before its successor comes', async () => {
  const { server } = await plugin('reg.sock', { name: 'slow' });
  await expect.poll(() => calls).toContain('register slow /reg.sock');
  await server.close(0);
  await plugin('reg.sock', { name: 'next' });
  await expect.poll(() => calls.slice(2)).toEqual(['deregister slow', 'validate next 1.0.0', 'register next /reg.sock']);
});

it('tells a plugin that is refused why, and tries again', async () => {
  refusal = new Error('no version in common');
  const { told } = await plugin('reg.sock');
  await expect.poll(() => told).toEqual([{ pluginRegistered: false, error: 'no version in common' }]);
  refusal = undefined;
  await expect.poll(() => told.at(-1)).toEqual(registered);
});

it('tells a plugin of a type that nobody handles', async () => {
  const { told } = await plugin('reg.sock', { type: 'DRAPlugin' });
  await expect.poll(() => told[0]?.error).toMatch(/no handler for plugins of the type "DRAPlugin"; answer GetInfo with one of CSIPlugin$/);
});

it('leaves hidden sockets and other files alone, and a plugin that hangs holds up no other', async () => {
  mkdirSync(join(directory, '.hidden'));
  await plugin('.hidden/reg.sock', { name: 'hidden' });
  await plugin('.reg.sock', { name: 'hidden' });
  writeFileSync(join(directory, 'file'), '');
  servers.push(
    await serve(`unix://${join(directory, 'hung.sock')}`, [[RegistrationService, { getInfo: () => new Promise(() => undefined) }]]),
  );
  await plugin('reg.sock');
  await expect.poll(() => calls).toEqual(['validate driver 1.0.0', 'register driver /reg.sock']);
});
