import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Gpu, Inventory, MigDevice } from './discovery/gpu.ts';
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

function gpu(id: string): Gpu {
  const place = { id, uuid: id, index: 0, minor: 0, busId: '0000:01:00.0' };
  return { ...place, model: 'X', numaNode: undefined, migEnabled: false, migDevices: [], problem: undefined };
}

function migDevice(capability: string): MigDevice {
  return { id: 'MIG-a', uuid: 'MIG-a', index: 0, profile: '1g.5gb', gpuInstance: 1, computeInstance: 0, capabilityFiles: [capability] };
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

/** All device files are there but `missing`. */
function watch(source: FakeSource, missing = new Set<string>()): GpuWatch {
  const host = Object.assign(new HostRoot(directory), { isCharacterDevice: (path: string) => !missing.has(path) });
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
  expect((await next).value?.gpus.map(({ id }) => id)).toEqual(['GPU-b']);
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

describe('links that are not told', () => {
  const linked = new GpuLinks([{ between: ['GPU-a', 'GPU-b'], distance: 'one switch', nvLinks: 0 }]);
  const others = async () => ({ driverVersion: undefined, gpus: [gpu('GPU-b')] });

  it('in time leave GPUs healthy, are what they were, and come with a later look', async () => {
    const source = new FakeSource();
    const gpus = watch(source);
    source.links.mockResolvedValueOnce(linked);
    await gpus.look(over.signal);
    const hanging = Promise.withResolvers<GpuLinks>();
    source.links.mockReturnValueOnce(hanging.promise);
    source.answer = others;
    const look = gpus.look(over.signal);
    await vi.advanceTimersByTimeAsync(10_000);
    const { links, problems } = await look;
    expect([links, [...problems]]).toEqual([linked, []]);
    expect(log).toEqual(["links of GPUs aren't told by files: no answer about links within 10 s"]);
    expect((await gpus.look(over.signal)).links).toBe(linked);
    expect(source.links).toHaveBeenCalledTimes(2);
    const late = new GpuLinks([]);
    hanging.resolve(late);
    await vi.advanceTimersByTimeAsync(0);
    expect((await gpus.look(over.signal)).links).toBe(late);
    expect(source.links).toHaveBeenCalledTimes(2);
  });

  it('for an error are asked for again', async () => {
    const source = new FakeSource();
    const gpus = watch(source);
    source.links.mockRejectedValueOnce(new Error('GPU is lost')).mockResolvedValueOnce(linked);
    const { links, problems } = await gpus.look(over.signal);
    expect([links.all, [...problems]]).toEqual([[], []]);
    expect((await gpus.look(over.signal)).links).toBe(linked);
  });
});

it('looks at once where a capability file of a MIG device goes', async () => {
  const [source, missing] = [new FakeSource(), new Set<string>()];
  const capability = '/dev/nvidia-caps/nvidia-cap1';
  source.answer = async () => ({
    driverVersion: undefined,
    gpus: [{ ...gpu('GPU-a'), migEnabled: true, migDevices: [migDevice(capability)] }],
  });
  const snapshots = watch(source, missing).snapshots(over.signal);
  await snapshots.next();
  const next = snapshots.next();
  missing.add(capability);
  await vi.advanceTimersByTimeAsync(250);
  expect(source.looks).toBe(2);
  expect(problemsOf((await next).value)).toEqual({ 'MIG-a': `there is no device ${capability}` });
});

it('takes in an error that is told before the first look is over', async () => {
  const source = new FakeSource();
  const answer = Promise.withResolvers<Inventory>();
  source.answer = () => answer.promise;
  const first = watch(source).snapshots(over.signal).next();
  source.raised.resolve({ xid: 79, gpu: 'GPU-a' });
  await vi.advanceTimersByTimeAsync(0);
  answer.resolve({ driverVersion: undefined, gpus: [gpu('GPU-a')] });
  expect(problemsOf((await first).value)).toEqual({ 'GPU-a': 'it had the error XID 79, less than 60 s ago' });
});

it('ends with its reader, though nobody has aborted', async () => {
  const snapshots = watch(new FakeSource()).snapshots(over.signal);
  await snapshots.next();
  await expect(snapshots.return()).resolves.toEqual({ done: true, value: undefined });
});
