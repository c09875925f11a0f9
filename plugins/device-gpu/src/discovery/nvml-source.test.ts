import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GpuHostFixture } from '../gpu-host.fixture.ts';
import { HostRoot } from '../host-root.ts';
import { FakeNvml } from './nvml.fixture.ts';
import { NvmlSource } from './nvml-source.ts';
import { openSource } from './open-source.ts';
import type { XidError } from './xid.ts';

const address = GpuHostFixture.busId;

let directory: string;
let log: string[];
let over: AbortController;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-nvml-'));
  new GpuHostFixture(directory, { gpus: 4, migDevices: 2, devices: false });
  log = [];
  over = new AbortController();
});

afterEach(() => {
  over.abort();
  rmSync(directory, { recursive: true });
});

async function* fallbackErrors(): AsyncGenerator<XidError, void> {
  yield { xid: 48, gpu: 'from the files' };
}

const start = (nvml: FakeNvml) =>
  NvmlSource.start(nvml, new HostRoot(directory), { fallbackErrors, log: (message) => void log.push(message) });

describe('the GPUs', () => {
  it('have what NVML and the files tell of them', async () => {
    const source = await start(
      new FakeNvml([
        { uuid: 'GPU-a', address: address(0) },
        { uuid: 'GPU-b', address: address(3) },
      ]),
    );
    const { driverVersion, gpus } = await source.inventory();
    expect(driverVersion).toBe('550.54.15');
    expect(gpus[1]).toEqual({
      id: 'GPU-b',
      uuid: 'GPU-b',
      index: 1,
      minor: 1,
      busId: address(3),
      model: 'NVIDIA A100',
      numaNode: 1,
      migEnabled: false,
      migDevices: [],
      problem: undefined,
    });
  });

  it('in MIG mode have their devices, whose profile is in the name or in the slices', async () => {
    const migs = [
      { uuid: 'MIG-a', gpuInstance: 1, name: 'NVIDIA A100 MIG 2g.10gb' },
      { uuid: 'MIG-b', gpuInstance: 2 },
    ];
    const { gpus } = await (await start(new FakeNvml([{ uuid: 'GPU-a', address: address(0), migs }]))).inventory();
    expect(gpus[0]?.migDevices).toEqual([
      {
        id: 'MIG-a',
        uuid: 'MIG-a',
        index: 0,
        profile: '2g.10gb',
        gpuInstance: 1,
        computeInstance: 0,
        capabilityFiles: ['/dev/nvidia-caps/nvidia-cap10', '/dev/nvidia-caps/nvidia-cap11'],
      },
      {
        id: 'MIG-b',
        uuid: 'MIG-b',
        index: 1,
        profile: '1g.5gb',
        gpuInstance: 2,
        computeInstance: 0,
        capabilityFiles: ['/dev/nvidia-caps/nvidia-cap20', '/dev/nvidia-caps/nvidia-cap21'],
      },
    ]);
  });

  it('that do not answer have a problem, and those that NVML can not even name are left out', async () => {
    const { gpus } = await (
      await start(
        new FakeNvml([
          { uuid: 'GPU-a', address: address(0), lost: 15 },
          { uuid: 'GPU-b', address: address(1), lost: 999 },
          { uuid: 'GPU-c', address: address(2) },
        ]),
      )
    ).inventory();
    expect(gpus.map(({ uuid, problem }) => [uuid, problem])).toEqual([
      ['GPU-b', 'NVML says of it: nvmlDeviceGetMemoryInfo: Unknown Error'],
      ['GPU-c', undefined],
    ]);
    expect(log).toEqual(["NVML doesn't tell of GPU 0: nvmlDeviceGetHandleByIndex_v2: GPU is lost"]);
  });

  it('are told by an old library, too', async () => {
    const nvml = new FakeNvml([{ uuid: 'GPU-a', address: address(0) }]);
    for (const name of ['driverVersion', 'totalMemory', 'migEnabled', 'nvLinkActive', 'topologyLevel'] as const) nvml.missing.add(name);
    const { driverVersion, gpus } = await (await start(nvml)).inventory();
    expect([driverVersion, gpus.map(({ problem, migEnabled }) => [problem, migEnabled])]).toEqual([undefined, [[undefined, false]]]);
  });
});

describe('links', () => {
  async function linksOf(...gpus: { nvLinks?: (string | undefined)[]; uuid: string; address: string }[]) {
    const nvml = new FakeNvml(gpus);
    const source = await start(nvml);
    return { nvml, links: async () => (await source.links((await source.inventory()).gpus)).all };
  }

  it('count NVLinks from GPU to GPU, and those to switches', async () => {
    const { links } = await linksOf(
      { uuid: 'GPU-a', address: address(0), nvLinks: [address(1), address(1), undefined, 'switch', 'switch'] },
      { uuid: 'GPU-b', address: address(1), nvLinks: [address(0), address(0), 'switch'] },
      { uuid: 'GPU-c', address: address(2) },
    );
    expect(await links()).toEqual([
      { between: ['GPU-a', 'GPU-b'], distance: 'several switches', nvLinks: 3 },
      { between: ['GPU-a', 'GPU-c'], distance: 'several switches', nvLinks: 0 },
      { between: ['GPU-b', 'GPU-c'], distance: 'several switches', nvLinks: 0 },
    ]);
  });

  it('are those of the PCI bus where the library is too old', async () => {
    const { nvml, links } = await linksOf({ uuid: 'GPU-a', address: address(0) }, { uuid: 'GPU-b', address: address(1) });
    nvml.missing.add('topologyLevel').add('nvLinkActive');
    expect(await links()).toEqual([{ between: ['GPU-a', 'GPU-b'], distance: 'one switch', nvLinks: 0 }]);
  });
});

describe('errors', () => {
  it('are told with their GPU and instance, and of GPUs that come later, too', async () => {
    const nvml = new FakeNvml([{ uuid: 'GPU-a', address: address(0) }]);
    const source = await start(nvml);
    await source.inventory();
    const errors = source.errors(over.signal);
    nvml.raise(0, 79);
    expect((await errors.next()).value).toEqual({ xid: 79, gpu: 'GPU-a' });
    nvml.gpus = [...nvml.gpus, { uuid: 'GPU-b', address: address(1) }];
    await source.inventory();
    const next = errors.next();
    await expect.poll(() => nvml.registered).toEqual([0n, 1n]);
    nvml.raise(1, 94, 5);
    expect((await next).value).toEqual({ xid: 94, gpu: 'GPU-b', gpuInstance: 5 });
    over.abort();
    expect((await errors.next()).done).toBe(true);
    await source.close();
    expect(nvml.held).toEqual(['init', 'create events', 'free events', 'create events', 'free events', 'shutdown']);
  });

  it.each(['createEvents', 'registerXids'] as const)('are those of the files where the library has no %s', async (missing) => {
    const nvml = new FakeNvml([{ uuid: 'GPU-a', address: address(0) }]);
    nvml.missing.add(missing);
    const source = await start(nvml);
    await source.inventory();
    expect((await source.errors(over.signal).next()).value).toEqual({ xid: 48, gpu: 'from the files' });
  });
});

describe('what finds GPUs', () => {
  const options = { migProfile: undefined, log: (message: string) => void log.push(message) };
  const noLibrary = () => {
    throw new Error('no such library');
  };

  it('is NVML where it is there', async () => {
    const source = await openSource(new HostRoot(), { ...options, kind: 'auto', load: () => new FakeNvml([]) });
    expect(source.name).toBe('nvml');
  });

  it('is the files else', async () => {
    expect((await openSource(new HostRoot(), { ...options, kind: 'auto', load: noLibrary })).name).toBe('files');
    expect(log).toEqual(["GPUs are found by the driver's files: NVML can't be used: no such library"]);
    await expect(openSource(new HostRoot(), { ...options, kind: 'nvml', load: noLibrary })).rejects.toThrow(
      /NVML: it can't be used: no such library/,
    );
  });

  it('is never NVML of the host in a fixture', async () => {
    const load = () => {
      throw new Error('loaded');
    };
    expect((await openSource(new HostRoot(directory), { ...options, kind: 'auto', load })).name).toBe('files');
    expect(log).toEqual([]);
  });
});
