import { appendFile, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { isReady, podYaml, TestNode } from '../../testing/node.ts';
import type { Clock } from '../clock.ts';
import { PodDirectories } from '../pod-directories.ts';
import { NodeRuntimes } from '../runtime/node-runtimes.ts';
import { ContainerLogManager } from './container-log-manager.ts';
import { defaultLogRotation, type LogRotationOptions } from './log-rotation.ts';

let node: TestNode;
let now: Date;
let directory: string;
const signal = AbortSignal.timeout(30_000);
const clock: Clock = { now: () => now, after: () => () => undefined };

beforeEach(async () => {
  now = new Date('2026-01-02T15:04:05.678Z');
  node = await TestNode.create();
  await mkdir(join(node.root, 'manifests'));
  node.runtime.behaviours.set('main', { output: 'first' });
  await node.write('manifests/a.yaml', podYaml('a', '  containers: [{name: main, image: "a:1"}]\n'));
  await node.kubelet.start();
  await node.until('a', isReady);
  directory = join(node.root, 'logs', `default_a_${node.pod('a')?.metadata?.uid}`, 'main');
});

afterEach(() => node.remove());

function manager(options: Partial<LogRotationOptions> = {}): ContainerLogManager {
  const runtimes = new NodeRuntimes({ runtimes: new Map([['timer', node.client]]), defaultHandler: 'timer', runtimeClasses: [] });
  const directories = new PodDirectories(join(node.root, 'kubelet'), join(node.root, 'logs'));
  const parts = { directories, runtimes, kubelet: node.kubelet, clock, log: pino({ level: 'silent' }) };
  return new ContainerLogManager(parts, { ...defaultLogRotation, containerLogMaxSize: 10, containerLogMaxFiles: 3, ...options });
}

const files = async () => (await readdir(directory)).toSorted();
const reopened = () => node.runtime.calls.filter((call) => call.startsWith('ReopenContainerLog'));

it('a log that is too large is renamed after the time, and the runtime begins a new one', async () => {
  await manager().rotate(signal);
  expect(await files()).toEqual(['0.log', '0.log.20260102-150405']);
  expect(await readFile(join(directory, '0.log.20260102-150405'), 'utf8')).toContain('first');
  expect((await stat(join(directory, '0.log'))).size).toBe(0);
  expect(reopened()).toEqual(['ReopenContainerLog main']);
});

it('older ones are compressed, and the oldest removed', async () => {
  for (const second of [5, 6, 7, 8]) {
    now = new Date(`2026-01-02T15:04:0${second}Z`);
    await manager().rotate(signal);
    await appendFile(join(directory, '0.log'), `2026-01-02T15:04:0${second}Z stdout F after ${second}\n`);
  }
  expect(await files()).toEqual(['0.log', '0.log.20260102-150407.gz', '0.log.20260102-150408']);
  expect(gunzipSync(await readFile(join(directory, '0.log.20260102-150407.gz'))).toString()).toContain('after 6');
});

it.each([
  ['that is small enough stays', { containerLogMaxSize: 1000 }],
  ['stays where none is to be rotated', { containerLogMaxSize: -1 }],
])('a log %s', async (_, options) => {
  await manager(options)[options.containerLogMaxSize < 0 ? 'run' : 'rotate'](signal);
  expect(await files()).toEqual(['0.log']);
});

it('what a rotation that was cut off left is removed, and what others put there stays', async () => {
  for (const name of ['0.log.20260101-000000', '0.log.20260101-000000.gz', '0.log.20260101-000001.tmp', '0.log.bak'])
    await writeFile(join(directory, name), 'x');
  await manager({ containerLogMaxFiles: 5 }).rotate(signal);
  expect(await files()).toEqual(['0.log', '0.log.20260101-000000.gz', '0.log.20260102-150405', '0.log.bak']);
});

it('a log gets its name back where the runtime does not begin a new one', async () => {
  node.runtime.faults.set('ReopenContainerLog', () => {
    throw new Error('broken');
  });
  await manager().rotate(signal);
  expect(await files()).toEqual(['0.log']);
  node.runtime.faults.clear();
  await manager().rotate(signal);
  expect(await files()).toEqual(['0.log', '0.log.20260102-150405']);
});

it('fewer than two files are refused', () => {
  expect(() => manager({ containerLogMaxFiles: 1 })).toThrow('invalid MaxFiles 1, must be > 1');
});
