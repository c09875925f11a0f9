import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pod } from '@berth/api/objects';
import { type AllocateRequest, ContainerAllocateResponse, Device, DevicePluginService } from '@berth/sdk/device/protocol';
import { type Served, serve } from '@berth/sdk/serve';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestDevicePlugin } from '../../testing/test-device-plugin.ts';
import { systemClock } from '../clock.ts';
import { DeviceManager } from './device-manager.ts';

const resource = 'vendor.example/thing';
const never = new AbortController().signal;

let directory: string;
let manager: DeviceManager;
let plugin: TestDevicePlugin;
/** What a call of Allocate waits for; those without one wait for nothing. */
let gates: Promise<void>[];
let warnings: string[];
/** How many calls of Allocate have ended. */
let allocations: number;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'berth-device-manager-'));
  [gates, warnings] = [[], []];
  allocations = 0;
  const metrics = { registered: () => undefined, allocated: () => void allocations++ };
  const nothing = () => undefined;
  manager = new DeviceManager({
    directory,
    numaNodes: () => [],
    nameOfPod: () => undefined,
    bootId: 'boot',
    onChange: nothing,
    warn: (reason, message) => void warnings.push(`${reason}: ${message}`),
    metrics,
    clock: systemClock,
    log: pino({ level: 'silent' }),
  });
  manager.start();
  await manager.listen();
  plugin = new TestDevicePlugin(directory, resource, {
    allocate: async (ids) => {
      plugin.calls.push(ids.join());
      await gates.shift();
      return { envs: { DEVICES: ids.join() } };
    },
  });
  plugin.devices = ['a', 'b'];
  plugin.start();
  await expect.poll(() => manager.allocatable().get(resource)).toBe(2n);
});

afterEach(async () => {
  await manager.close();
  await plugin.stop();
  rmSync(directory, { recursive: true });
});

function admitted(uid: string, asked = resource, count = 1): Pod {
  const container = { name: 'main', image: 'a', resources: { limits: { [asked]: `${count}` } } };
  const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: uid, uid }, spec: { containers: [container] } };
  expect(manager.reservations.allocate(pod, container, { affinity: undefined, preferred: false })).toBeUndefined();
  return pod;
}

const devicesOf = async (pod: Pod) =>
  (await manager.runContainerOptions(pod, { name: 'main', image: 'a' }, never)).variables.get('DEVICES');

it('an answer that comes when its pod has gone is not that of another one of its uid', async () => {
  const late = Promise.withResolvers<void>();
  gates.push(late.promise);
  manager.beginAllocate(admitted('p'));
  await expect.poll(() => plugin.calls).toEqual(['a']);
  manager.reservations.release('p');
  const other = admitted('q');
  await manager.allocated(other, never);
  const again = admitted('p');
  await manager.allocated(again, never);
  late.resolve();
  await expect.poll(() => allocations).toBe(3);
  expect([await devicesOf(other), await devicesOf(again)]).toEqual(['a', 'b']);
});

describe('a preference', () => {
  const raw = 'vendor.example/raw';
  let served: Served;
  /** What the plugin prefers. */
  let prefers: string[];

  beforeEach(async () => {
    served = await serve(`unix://${join(directory, 'raw.sock')}`, [
      [
        DevicePluginService,
        {
          getDevicePluginOptions: () => ({ preStartRequired: false, getPreferredAllocationAvailable: true }),
          async *listAndWatch(_request, { signal }) {
            yield { devices: ['a', 'b', 'c', 'd'].map((ID) => Device.create({ ID, health: 'Healthy' })) };
            await once(signal, 'abort');
          },
          getPreferredAllocation: () => ({ containerResponses: [{ deviceIDs: prefers }] }),
          allocate: ({ containerRequests }: AllocateRequest) => ({
            containerResponses: containerRequests.map(({ devicesIds }) =>
              ContainerAllocateResponse.create({ envs: { DEVICES: devicesIds.join() } }),
            ),
          }),
        },
      ],
    ]);
    await register();
  });

  afterEach(() => served.close(0));

  async function register(): Promise<void> {
    await manager.plugins.register({ resourceName: raw, socket: join(directory, 'raw.sock') });
    await expect.poll(() => manager.allocatable().get(raw)).toBe(4n);
  }

  async function given(uid: string, ids: string[]): Promise<string | undefined> {
    prefers = ids;
    const pod = admitted(uid, raw, 2);
    expect(await manager.allocated(pod, never)).toBeUndefined();
    return devicesOf(pod);
  }

  it.each<[what: string, ids: string[], had: string, problem: string]>([
    ['for what there is not', ['z', 'd'], 'd,a', 'it gave what is not available: "z"'],
    ['for too few', ['d'], 'd,a', 'it gave 1 devices in place of 2'],
    ['for too many', ['d', 'c', 'b'], 'd,c', 'it gave 3 devices in place of 2'],
  ])('%s is told once for each registration, and counts as far as it can', async (_what, ids, had, problem) => {
    const told = expect.stringMatching(
      new RegExp(
        `^DevicePluginInvalidPreference: the device plugin for ${raw} at .*raw\\.sock has a preference .*: ${problem}; mend the plugin$`,
      ),
    );
    expect(await given('p', ids)).toBe(had);
    expect(warnings).toEqual([told]);
    manager.reservations.release('p');
    await given('q', ids);
    expect(warnings).toEqual([told]);
    manager.reservations.release('q');
    await register();
    await given('r', ids);
    expect(warnings).toEqual([told, told]);
  });

  it.each([[['d', 'b']], [[]]])('of %j is told nothing about', async (ids) => {
    await given('p', ids);
    expect(warnings).toEqual([]);
  });
});
