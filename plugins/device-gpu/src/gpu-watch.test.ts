import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Gpu, Inventory } from './discovery/gpu.ts';
import { GpuLinks } from './discovery/gpu-links.ts';
import type { GpuSource } from './discovery/gpu-source.ts';
import type { XidError } from './discovery/xid.ts';
import { GpuWatch, type Snapshot } from './gpu-watch.ts';
import { DeviceHealth } from './health/device-health.ts';
import { HostRoot } from './host-root.ts';

let directory: string;
let over: AbortController;
let log: string[];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
  directory = mkdtempSync(`${tmpdir()}/berth-gpu-watch-`);
  over = new AbortController();
  log = [];
});

afterEach(() => {
  over.abort();
  vi.useRealTimers();
  rmSync(directory, { recursive: true });
});

function gpu(uuid: string): Gpu {
  const place = { uuid, index: 0, minor: 0, busId: '0000:01:00.0' };
  return { ...place, model: 'X', numaNode: undefined, migEnabled: false, migDevices: [], problem: undefined };
}

/** GPUs as a test says; what it says last counts from then on. */
class FakeSource implements GpuSource {
  readonly name = 'files';
  answer: () => Promise<Inventory> = async () => ({ driverVersion: undefined, gpus: [gpu('GPU-a')] });
  looks = 0;
  links = vi.fn(async () => new GpuLinks([]));
  raised = Promise.withResolvers<XidError>();

  async inventory(): Promise<Inventory> {
    this.looks++;
    return this.answer();
  }

  async *errors(signal: AbortSignal): AsyncGenerator<XidError, void> {
    const aborted = Promise.withResolvers<undefined>();
    signal.addEventListener('abort', () => aborted.resolve(undefined));
    while (!signal.aborted) {
      const error = await Promise.race([this.raised.promise, aborted.promise]);
      this.raised = Promise.withResolvers();
      if (error) yield error;
    }
  }

  async close(): Promise<void> {}
}

function watch(source: FakeSource): GpuWatch {
  // All device files are there.
  const host = Object.assign(new HostRoot(directory), { isCharacterDevice: () => true });
  const health = new DeviceHealth({ ignoredXids: [], recoverAfterMs: 60_000 });
  return new GpuWatch({ source, host, health, intervalMs: 5000, log: (message) => void log.push(message) });
}

const problemsOf = (snapshot: IteratorResult<Snapshot, void>['value']) => Object.fromEntries(snapshot?.problems ?? []);

it('looks at each interval, and asks for links only where the GPUs are others', async () => {
  const source = new FakeSource();
  const snapshots = watch(source).snapshots(over.signal);
  await snapshots.next();
  for (let look = 2; look <= 3; look++) {
    const next = snapshots.next();
    await vi.advanceTimersByTimeAsync(4999);
    expect(source.looks).toBe(look - 1);
    await vi.advanceTimersByTimeAsync(251);
    await next;
    expect(source.looks).toBe(look);
  }
  expect(source.links).toHaveBeenCalledTimes(1);
  source.answer = async () => ({ driverVersion: undefined, gpus: [gpu('GPU-b')] });
  const next = snapshots.next();
  await vi.advanceTimersByTimeAsync(5250);
  expect((await next).value?.gpus.map(({ uuid }) => uuid)).toEqual(['GPU-b']);
  expect(source.links).toHaveBeenCalledTimes(2);
});

it('looks at once where an error is told', async () => {
  const source = new FakeSource();
  const snapshots = watch(source).snapshots(over.signal);
  await snapshots.next();
  const next = snapshots.next();
  source.raised.resolve({ xid: 79, gpu: 'GPU-a' });
  expect(problemsOf((await next).value)).toEqual({ 'GPU-a': 'it had the error XID 79, less than 60 s ago' });
  expect(log).toEqual(['XID 79 of GPU-a']);
});

it('takes GPUs for ill as long as the driver fails', async () => {
  const source = new FakeSource();
  const gpus = watch(source);
  const works = source.answer;
  await gpus.look(over.signal);
  source.answer = async () => {
    throw new Error('driver not loaded');
  };
  expect(problemsOf(await gpus.look(over.signal))).toEqual({ 'GPU-a': 'driver not loaded' });
  expect(log).toEqual(["GPUs can't be looked at by files: driver not loaded"]);
  source.answer = works;
  expect(problemsOf(await gpus.look(over.signal))).toEqual({});
});

it('waits 10 s for an answer, and asks no second time until it is there', async () => {
  const source = new FakeSource();
  const gpus = watch(source);
  await gpus.look(over.signal);
  const hanging = Promise.withResolvers<Inventory>();
  source.answer = () => hanging.promise;
  for (let attempt = 0; attempt < 2; attempt++) {
    const look = gpus.look(over.signal);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(problemsOf(await look)).toEqual({ 'GPU-a': 'no answer within 10 s' });
  }
  expect(source.looks).toBe(2);
  hanging.resolve({ driverVersion: undefined, gpus: [gpu('GPU-a')] });
  expect(problemsOf(await gpus.look(over.signal))).toEqual({});
});

it('ends with its reader, though nobody has aborted', async () => {
  const snapshots = watch(new FakeSource()).snapshots(over.signal);
  await snapshots.next();
  await expect(snapshots.return()).resolves.toEqual({ done: true, value: undefined });
});
