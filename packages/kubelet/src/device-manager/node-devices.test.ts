import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../clock.ts';
import { CpuSet } from '../machine/cpu-set.ts';
import { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import { NodeDevices } from './node-devices.ts';

let kubeletRoot: string;
beforeEach(() => {
  kubeletRoot = mkdtempSync(join(tmpdir(), 'berth-node-devices-'));
});
afterEach(() => rmSync(kubeletRoot, { recursive: true }));

it('where its sockets can not be had that is told, and the node goes on', async () => {
  const told: string[] = [];
  const nothing = { cpus: CpuSet.empty, memory: [] };
  const devices = new NodeDevices({
    kubeletRoot,
    resourceManagers: () => ({ numaNodes: [], ownOf: () => nothing, allocatable: () => nothing }),
    activePods: () => [],
    nameOfPod: () => undefined,
    bootId: 'boot',
    onChange: () => {},
    warn: (reason, message) => void told.push(`${reason}: ${message}`),
    tapOf: () => ({ call: () => ({ end: () => undefined }) }),
    metrics: new KubeletMetrics({ nodeName: 'here' }),
    clock: systemClock,
    log: pino({ level: 'silent' }),
  });
  for (const name of ['device-plugins', 'plugins_registry', 'pod-resources']) writeFileSync(join(kubeletRoot, name), '');
  await devices.listen();
  await devices.run(AbortSignal.abort());
  await devices.close();
  expect(told).toEqual([
    expect.stringMatching(/^DeviceManagerFailed: device plugins can't register: .*device-plugins/),
    expect.stringMatching(/^DeviceManagerFailed: nobody can ask for the resources of pods: .*pod-resources/),
    expect.stringMatching(/^DeviceManagerFailed: plugins can't be found by their sockets: .*plugins_registry/),
  ]);
});
