import { PluginError } from '@berth/sdk/errors';
import { describe, expect, it } from 'vitest';
import type { Device, DeviceClient } from './messages.ts';
import { Watch } from './watch.ts';

const device = (ID: string, health = 'Healthy'): Device => ({ ID, health, topology: null });

/** A plugin whose stream is this one. */
function client(stream: (signal: AbortSignal) => AsyncGenerator<{ devices: Device[] }>): DeviceClient {
  return {
    ListAndWatch: (_: object, bounds?: { signal?: AbortSignal }) => stream(bounds?.signal ?? new AbortController().signal),
  } as never;
}

async function forever(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => reject(new PluginError('CANCELLED', 'it was cancelled')));
  return promise;
}

describe('Watch', () => {
  it('gives the first list, and the first of those to come that holds', async () => {
    const later = Promise.withResolvers<void>();
    const watch = new Watch(
      client(async function* (signal) {
        yield { devices: [device('a')] };
        await later.promise;
        yield { devices: [device('a', 'Unhealthy')] };
        yield { devices: [device('a')] };
        await forever(signal);
      }),
    );
    expect(await watch.first(5_000)).toEqual([device('a')]);
    const failed = watch.list((devices) => devices.some(({ health }) => health === 'Unhealthy'), 5_000, 'nothing failed');
    later.resolve();
    expect(await failed).toEqual([device('a', 'Unhealthy')]);
    await watch.end();
    expect(watch.hasEnded).toBe(false);
  });

  it('says what did not come in time', async () => {
    const watch = new Watch(
      client(async function* (signal) {
        yield await forever(signal);
      }),
    );
    await expect(watch.first(10)).rejects.toThrow('ListAndWatch gave no list within 10 ms');
    await watch.end();
  });

  it('says that the stream has ended, and how', async () => {
    const watch = new Watch(
      client(async function* () {
        yield { devices: [] };
        throw new PluginError('INTERNAL', 'the bus is gone');
      }),
    );
    await expect(watch.list(({ length }) => length > 0, 5_000, 'no device came')).rejects.toThrow(
      /no device came: the stream ended: .*the bus is gone/,
    );
    expect(watch.hasEnded).toBe(true);
  });
});
