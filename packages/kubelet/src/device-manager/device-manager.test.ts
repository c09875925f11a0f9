import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pod } from '@berth/api/objects';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
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
/** How many calls of Allocate have ended. */
let allocations: number;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'berth-device-manager-'));
  gates = [];
  allocations = 0;
  const metrics = { registered: () => undefined, allocated: () => void allocations++ };
  const nothing = () => undefined;
  manager = new DeviceManager({
    directory,
    numaNodes: () => [],
    bootId: 'boot',
    onChange: nothing,
    warn: nothing,
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

function admitted(uid: string): Pod {
  const container = { name: 'main', image: 'a', resources: { limits: { [resource]: '1' } } };
  const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: uid, uid }, spec: { containers: [container] } };
  expect(manager.reservations.allocate(pod, container, { affinity: undefined, preferred: false })).toBeUndefined();
  return pod;
}

const devicesOf = async (pod: Pod) => (await manager.grant(pod, { name: 'main', image: 'a' }, never)).variables.get('DEVICES');

it('an answer that comes when its pod has gone is not that of another one of its uid', async () => {
  const late = Promise.withResolvers<void>();
  gates.push(late.promise);
  manager.begin(admitted('p'));
  await expect.poll(() => plugin.calls).toEqual(['a']);
  manager.reservations.release('p');
  const other = admitted('q');
  await manager.allocate(other, never);
  const again = admitted('p');
  await manager.allocate(again, never);
  late.resolve();
  await expect.poll(() => allocations).toBe(3);
  expect([await devicesOf(other), await devicesOf(again)]).toEqual(['a', 'b']);
});
