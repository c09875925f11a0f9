import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { kubeletSocket } from '@berth/sdk/device/constants';
import { type ServedService, serve } from '@berth/sdk/serve';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { coveredClient, definitionOf } from '../covered-client.ts';
import { CoverageRecord } from '../rpc-coverage.ts';
import type { RegisterRequest } from './messages.ts';
import { deviceProtocol } from './protocol.ts';
import { TestNode } from './test-node.ts';

interface RegistrationClient {
  Register(request: RegisterRequest): Promise<object>;
}

/** Calls Register as the plugin would. */
async function register(directory: string, endpoint: string): Promise<void> {
  const addresses = { Registration: `unix://${join(directory, kubeletSocket)}` };
  const coverage = new CoverageRecord(deviceProtocol());
  const kubelet = coveredClient<RegistrationClient>({ protocol: deviceProtocol(), addresses, coverage });
  try {
    await kubelet.Register({ version: 'v1beta1', endpoint, resourceName: 'fixture.example/one', options: null });
  } finally {
    kubelet.close();
  }
}

const program = join(import.meta.dirname, 'one-device.fixture.ts');

describe('TestNode', () => {
  let node: TestNode;

  beforeEach(() => {
    const command = `"${process.execPath}" --conditions=berth-source "${program}" fixture.example/one`;
    node = new TestNode({ command, coverage: new CoverageRecord(deviceProtocol()), patienceMs: 6_000 });
  });

  afterEach(() => node.end());

  it('starts the plugin, and has it registered and watched', async () => {
    const { watch, socket } = await node.ready();
    expect(await watch.first(5_000)).toMatchObject([{ ID: 'one', health: 'Healthy' }]);
    expect(socket).toBe(join(node.directory, 'fixture.example-one.sock'));
  });

  it('finds what the command registers', async () => {
    await node.begin();
    expect(node.resources).toEqual(['fixture.example/one']);
  });

  it('lets a plugin that has served before register again whose socket was gone when it registered', async () => {
    await node.begin();
    const { socket } = await node.ready();
    await node.kubelet.forget();
    await expect(register(node.directory, 'removed.sock')).rejects.toThrow("the socket file doesn't exist");
    const registered = node.registered();
    // By that the plugin begins anew.
    await node.removeSocketsOfPlugins();
    expect((await registered).socket).toBe(socket);
  });

  it('lets go of a plugin, too, that is about to be registered', async () => {
    await node.beginKubelet();
    const registering = expect(register(node.directory, 'late.sock')).rejects.toThrow();
    await node.kubelet.isCalled(AbortSignal.timeout(5_000));
    await node.endKubelet();
    await registering;
    let calls = 0;
    const answered = (): object => {
      calls++;
      return {};
    };
    const service: ServedService = [definitionOf(deviceProtocol(), 'DevicePlugin'), { GetDevicePluginOptions: answered } as never];
    const late = await serve(`unix://${join(node.directory, 'late.sock')}`, [service]);
    // Longer than it pauses between two tries to connect.
    await sleep(1_500);
    await late.close(0);
    expect(calls).toBe(0);
  });

  it('gives the same plugin until something is done to it, and then begins afresh where that is needed', async () => {
    const first = await node.ready();
    expect(await node.ready()).toBe(first);
    await node.endKubelet();
    node.terminatePlugin();
    const second = await node.ready();
    expect(second).not.toBe(first);
    await second.client.GetDevicePluginOptions({});
  });

  it('says once that the plugin has gone by itself, and begins afresh', async () => {
    await node.ready();
    node.process.signal('SIGKILL');
    await node.process.endsWithin(5_000);
    await expect(node.ready()).rejects.toThrow(
      /in which it was only called, no kubelet can use the plugin any more: the command ended with SIGKILL/,
    );
    await (await node.ready()).client.GetDevicePluginOptions({});
  });

  it('starts a command again that ends for want of a kubelet', async () => {
    await node.beginKubelet({ answer: 'refuses' });
    const plugin = node.startPlugin();
    await node.kubelet.isCalled(AbortSignal.timeout(10_000));
    plugin.signal('SIGKILL');
    node.kubelet.answer = 'accepts';
    expect((await node.registration()).request.resourceName).toBe('fixture.example/one');
    expect(node.process).not.toBe(plugin);
  });

  it('leaves nothing', async () => {
    const { directory } = node;
    const { socket } = await node.ready();
    const { process } = node;
    await node.end();
    expect([directory, socket].filter((path) => existsSync(path))).toEqual([]);
    expect(await process.leftAfter(0)).toEqual([]);
  });
});
