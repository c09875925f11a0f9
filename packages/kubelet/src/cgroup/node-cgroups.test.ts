import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@berth/sdk/connect';
import { CgroupDriver, ImageServiceService, RuntimeServiceService } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TimerRuntime } from '../../testing/timer-runtime.ts';
import type { RuntimeClient } from '../runtime/runtime-client.ts';
import { NodeCgroups } from './node-cgroups.ts';

const { signal } = new AbortController();
let directory: string;
let runtime: TimerRuntime;
let client: RuntimeClient;
let cgroups: NodeCgroups;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-cgroups-'));
  runtime = new TimerRuntime(directory);
  await runtime.open();
  client = {
    handler: 'timer',
    runtime: connect(RuntimeServiceService, runtime.address, { deadlineMs: 5000 }),
    images: connect(ImageServiceService, runtime.address, { deadlineMs: 5000 }),
    runtimeHandler: '',
  };
  cgroups = new NodeCgroups('/berth');
});

afterEach(async () => {
  client.runtime.close();
  client.images.close();
  await runtime.close();
  await rm(directory, { recursive: true });
});

const parent = async () => (await cgroups.of(client, signal)).parentOf('u-1');

describe('the cgroup parent of a pod', () => {
  it.each([
    ['SYSTEMD', CgroupDriver.SYSTEMD, '/berth.slice/berth-podu_1.slice'],
    ['CGROUPFS', CgroupDriver.CGROUPFS, '/berth/podu-1'],
    ['nothing', undefined, '/berth/podu-1'],
  ])('is in the form of the driver that the runtime tells: %s', async (_name, driver, expected) => {
    runtime.cgroupDriver = driver;
    expect(await parent()).toBe(expected);
  });

  it('is not guessed of a runtime that fails to answer', async () => {
    runtime.cgroupDriver = CgroupDriver.SYSTEMD;
    runtime.faults.set('RuntimeConfig', () => {
      runtime.faults.clear();
      throw new PluginError('UNAVAILABLE', 'not yet');
    });
    await expect(parent()).rejects.toThrow(/not yet/);
    expect(await parent()).toBe('/berth.slice/berth-podu_1.slice');
  });
});
