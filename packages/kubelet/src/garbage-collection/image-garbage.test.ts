import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@berth/sdk/connect';
import { Container, Image, ImageServiceService, RuntimeServiceService, StatusResponse } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { type Served, serve } from '@berth/sdk/serve';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../testing/manual-clock.ts';
import { disk, gibi, summaryOf } from '../../testing/summaries.ts';
import type { RuntimeClient } from '../runtime/runtime-client.ts';
import { defaultImageGarbage, ImageGarbage, type ImageGarbageOptions } from './image-garbage.ts';

const minute = 60_000;
const never = new AbortController().signal;

let directory: string;
let served: Served;
let connection: AbortController;
let client: RuntimeClient;
let clock: ManualClock;
let images: Image[];
/** What containers say that they run. */
let used: string[];
let failing: string[];
let availableBytes: number;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'berth-images-'));
  [clock, images, used, failing, availableBytes] = [new ManualClock(), [], [], [], 50 * gibi];
  connection = new AbortController();
  const address = `unix://${join(directory, 'cri.sock')}`;
  served = await serve(address, [
    [
      RuntimeServiceService,
      {
        listContainers: () => ({ containers: used.map((image) => Container.fromPartial({ image: { image } })) }),
        status: () => StatusResponse.fromPartial({ info: { config: JSON.stringify({ sandboxImage: 'pause:3.6' }) } }),
      },
    ],
    [
      ImageServiceService,
      {
        listImages: () => ({ images }),
        removeImage: ({ image }) => {
          if (failing.includes(image?.image ?? '')) throw new PluginError('INTERNAL', 'busy');
          images = images.filter(({ id }) => id !== image?.image);
          return {};
        },
      },
    ],
  ]);
  const options = { signal: connection.signal, deadlineMs: 5000 };
  const [runtime, imageClient] = [connect(RuntimeServiceService, address, options), connect(ImageServiceService, address, options)];
  client = { handler: 'test', runtime, images: imageClient, runtimeHandler: '' };
});

afterEach(async () => {
  connection.abort();
  await served.close(0);
  rmSync(directory, { recursive: true });
});

function garbage(options: Partial<ImageGarbageOptions> = {}): ImageGarbage {
  const summary = async () => summaryOf({ imageFs: disk(availableBytes) });
  const node = { clients: [client], stats: { summary }, clock, log: pino({ level: 'silent' }) };
  return new ImageGarbage({ ...defaultImageGarbage, ...options }, node);
}

const image = (id: string, size = gibi, more: Partial<Image> = {}) =>
  Image.fromPartial({ id, repoTags: [`${id}:1`], size: BigInt(size), ...more });
const left = () => images.map(({ id }) => id);

describe('to make room', () => {
  const full = { imageGCHighThresholdPercent: 85, imageGCLowThresholdPercent: 80 };

  it('those go that nobody used for the longest time, until the disk is as empty as it is to be', async () => {
    images = ['a', 'b', 'c', 'd'].map((id) => image(id, 4 * gibi));
    used = ['b:1', 'd:1'];
    const collector = garbage(full);
    await collector.collect(never);
    clock.advance(minute);
    used = ['d:1', 'a:1'];
    await collector.collect(never);
    used = ['d:1'];
    clock.advance(10 * minute);
    availableBytes = 14 * gibi;
    await collector.collect(never);
    expect(left()).toEqual(['a', 'd']);
  });

  it.each([
    ['the disk is not as full as the high threshold', 16 * gibi, {}],
    ['the image has only just come', 1 * gibi, { imageMinimumGCAgeMs: 60 * minute }],
    ['the threshold is 100 %', 0, { imageGCHighThresholdPercent: 100 }],
  ])('none goes if %s', async (_, available, options) => {
    images = [image('a')];
    const collector = garbage({ ...full, ...options });
    await collector.collect(never);
    clock.advance(5 * minute);
    availableBytes = available;
    await collector.collect(never);
    expect(left()).toEqual(['a']);
  });
});

describe('an image stays', () => {
  it.each([
    ['whose container is there', image('a'), ['a']],
    ['that the runtime has pinned', image('a', gibi, { pinned: true }), []],
    ['that the sandboxes of containerd need', image('a', gibi, { repoTags: ['pause:3.6'] }), []],
  ])('%s', async (_, kept, containers) => {
    images = [kept, image('b')];
    used = containers;
    const collector = garbage();
    await collector.collect(never);
    clock.advance(3 * minute);
    await collector.removeUnused(never);
    expect(left()).toEqual(['a']);
  });

  it('that the runtime fails to remove, and the others go', async () => {
    images = [image('a'), image('b')];
    failing = ['a'];
    const collector = garbage({ imageMinimumGCAgeMs: 0 });
    await collector.removeUnused(never);
    expect(left()).toEqual(['a']);
  });
});

it('one that nobody used for longer than the greatest age goes', async () => {
  images = [image('old'), image('used')];
  used = ['used'];
  const collector = garbage({ imageMaximumGCAgeMs: 60 * minute });
  await collector.collect(never);
  clock.advance(61 * minute);
  await collector.collect(never);
  expect(left()).toEqual(['used']);
});

it('a runtime that has not been started is left alone', async () => {
  client = { ...client, onDemand: { started: false, start: () => Promise.reject(new Error('not asked for')) } };
  images = [image('a')];
  await garbage({ imageMinimumGCAgeMs: 0 }).removeUnused(never);
  expect(left()).toEqual(['a']);
});

it('looks every five minutes', async () => {
  const end = new AbortController();
  const done = garbage({ imageMaximumGCAgeMs: minute }).run(end.signal);
  await expect.poll(() => clock.waiting).toBe(1);
  images = [image('a')];
  for (let round = 0; round < 2; round++) {
    clock.advance(5 * minute);
    await expect.poll(() => clock.waiting).toBe(1);
  }
  await expect.poll(left).toEqual([]);
  end.abort();
  await done;
});
