import { ContainerConfig, CreateContainerRequest, PodSandboxConfig, RunPodSandboxRequest } from '@berth/sdk/cri';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../testing/manual-clock.ts';
import { type ServedRuntime, serveRuntime } from '../../testing/served-runtime.ts';
import type { TimerRuntime } from '../../testing/timer-runtime.ts';
import { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import type { RuntimeClient } from '../runtime/runtime-client.ts';
import { ImageGc, type ImageGcOptions } from './image-gc.ts';

const minute = 60_000;
const signal = new AbortController().signal;
let served: ServedRuntime;
let runtime: TimerRuntime;
let client: RuntimeClient;
let clock: ManualClock;
/** Percent of the disk in use, of 10,000 bytes. */
let usedPercent: number;
let warnings: string[];

beforeEach(async () => {
  served = await serveRuntime();
  ({ runtime, client } = served);
  clock = new ManualClock();
  [usedPercent, warnings] = [50, []];
  metrics.imagesCollected.reset();
});

afterEach(() => served.stop());

const metrics = new KubeletMetrics({ nodeName: 'node' });
const collected = async () => (await metrics.imagesCollected.get()).values.map(({ labels, value }) => [labels.reason, value]);

function makeGc(options: Partial<ImageGcOptions> = {}, runtimes: RuntimeClient[] = [client]): ImageGc {
  return new ImageGc(options, {
    runtimes,
    clock,
    metrics,
    warn: (reason, message) => warnings.push(`${reason}: ${message}`),
    disk: async () => ({ capacity: 10_000, available: 100 * (100 - usedPercent) }),
  });
}

function add(...names: string[]): void {
  for (const name of names) runtime.images.add(name);
}

/** A container of the image, running or not. */
async function use(image: string): Promise<void> {
  const sandbox = PodSandboxConfig.fromPartial({ metadata: { name: image, uid: image } });
  const { podSandboxId } = await client.runtime.runPodSandbox(RunPodSandboxRequest.create({ config: sandbox }));
  const config = ContainerConfig.fromPartial({ metadata: { name: image }, image: { image } });
  await client.runtime.createContainer(CreateContainerRequest.create({ podSandboxId, config, sandboxConfig: sandbox }));
}

const removed = () => runtime.calls.filter((call) => call.startsWith('RemoveImage')).map((call) => call.split(' ')[1]);

describe('when the disk is fuller than the high threshold', () => {
  it('images are removed down to the low one, the longest unused first', async () => {
    add('first', 'second', 'third');
    const gc = makeGc();
    await use('first');
    await gc.collect(signal);
    await clock.pass(5 * minute);
    runtime.containers.clear();
    add('newer');
    await gc.collect(signal);
    await clock.pass(5 * minute);
    usedPercent = 90;
    await gc.collect(signal);
    expect(removed()).toEqual(['second']);
    usedPercent = 95;
    await gc.collect(signal);
    expect(removed()).toEqual(['second', 'third', 'newer']);
    expect([...runtime.images]).toEqual(['first']);
    expect(warnings).toEqual([]);
  });

  it('those in use, pinned, of sandboxes and too young stay, and it is told', async () => {
    add('used', 'pinned', 'pause');
    runtime.imageStore.pinned.add('pinned');
    await use('used');
    const gc = makeGc();
    await gc.collect(signal);
    await clock.pass(minute);
    add('young');
    usedPercent = 90;
    await expect(gc.collect(signal)).rejects.toThrow(/Failed to garbage collect required amount of images/);
    expect([removed(), warnings]).toEqual([
      [],
      [
        'FreeDiskSpaceFailed: Failed to garbage collect required amount of images. Attempted to free 1000 bytes, but only found 0 bytes eligible to free.',
      ],
    ]);
  });

  it('runtimes that share a store remove an image once', async () => {
    add('a', 'b', 'c');
    usedPercent = 90;
    await makeGc({}, [client, { ...client, handler: 'other' }]).collect(signal);
    expect(new Set(removed())).toEqual(new Set(['a']));
    expect(runtime.images.size).toBe(2);
  });

  it('a runtime that was not started yet is not called', async () => {
    add('a');
    usedPercent = 90;
    const onDemand = { started: false, start: async () => undefined };
    await makeGc({}, [{ ...client, onDemand }]).collect(signal);
    expect(removed()).toEqual([]);
  });
});

it.each<[what: string, options: Partial<ImageGcOptions>, percent: number]>([
  ['the disk is not full', {}, 84],
  ['the high threshold is 100', { imageGCHighThresholdPercent: 100 }, 99],
])('nothing is removed while %s', async (_what, options, percent) => {
  add('a');
  usedPercent = percent;
  await makeGc(options).collect(signal);
  expect(removed()).toEqual([]);
});

it('an image that nobody used for imageMaximumGCAge is removed, whatever the disk holds', async () => {
  add('unused', 'used');
  await use('used');
  const gc = makeGc({ imageMaximumGCAgeMs: 10 * minute });
  for (let turn = 0; turn < 2; turn++) {
    await gc.collect(signal);
    await clock.pass(5 * minute);
  }
  await gc.collect(signal);
  expect(removed()).toEqual([]);
  await clock.pass(minute);
  await gc.collect(signal);
  expect(removed()).toEqual(['unused']);
  expect(await collected()).toEqual([['age', 1]]);
});

it('for eviction every unused image goes', async () => {
  add('a', 'b', 'used');
  await use('used');
  expect(await makeGc().removeUnused(signal)).toBe(2000);
  expect([...runtime.images]).toEqual(['used']);
  expect(await collected()).toEqual([['space', 2]]);
});

it('one that cannot be removed keeps no other from it', async () => {
  add('a', 'b');
  runtime.faults.set('RemoveImage', () => {
    if (removed().length === 1) throw new Error('busy');
  });
  await expect(makeGc().removeUnused(signal)).rejects.toThrow('busy');
  expect([...runtime.images]).toEqual(['a']);
  expect(await collected()).toEqual([['space', 1]]);
});
