import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { AdmissionMetrics } from './admission-metrics.ts';
import { ContainerStarts } from './container-starts.ts';
import { DeviceMetrics } from './device-metrics.ts';
import { HttpMetrics } from './http-metrics.ts';
import { KubeletMetrics } from './kubelet-metrics.ts';
import { PodResourcesMetrics } from './pod-resources-metrics.ts';
import { ResourceManagerMetrics } from './resource-manager-metrics.ts';
import { RuntimeOperations } from './runtime-operations.ts';
import { HealthSlis } from './slis.ts';
import { StorageOperations } from './storage-operations.ts';

/** Of all packages: the command hands taps to the runtimes' connections. */
const root = join(import.meta.dirname, '../../..');
const users = globSync('*/src/**/*.ts', { cwd: root, exclude: (name) => name.endsWith('.test.ts') })
  .filter((name) => !name.endsWith('metrics/kubelet-metrics.ts'))
  .map((name) => readFileSync(join(root, name), 'utf8'));

it.each(Object.keys(new KubeletMetrics({ nodeName: 'node' })))('somebody counts in %s, or shows it', (member) => {
  expect(users.some((text) => new RegExp(`\\b${member}\\b`).test(text))).toBe(true);
});

const counted = [
  AdmissionMetrics,
  ContainerStarts,
  DeviceMetrics,
  HealthSlis,
  HttpMetrics,
  PodResourcesMetrics,
  ResourceManagerMetrics,
  RuntimeOperations,
  StorageOperations,
].flatMap(({ name, prototype }) =>
  Object.getOwnPropertyNames(prototype)
    .filter((method) => method !== 'constructor')
    .map((method) => [name, method] as const),
);

it.each(counted)('somebody calls %s.%s', (_, method) => {
  expect(users.some((text) => new RegExp(`\\.${method}\\(`).test(text))).toBe(true);
});
