import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GpuHostFixture } from '../gpu-host.fixture.ts';
import { HostRoot } from '../host-root.ts';
import { FileSource } from './file-source.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-gpu-files-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

function source(migProfile?: string): FileSource {
  return new FileSource(new HostRoot(directory), { migProfile, log: () => undefined });
}

describe('a host of 8 GPUs', () => {
  beforeEach(() => void new GpuHostFixture(directory, { gpus: 8, devices: false }));

  it('tells them in the order of their PCI addresses', async () => {
    const { driverVersion, gpus } = await source().inventory();
    expect(driverVersion).toBe('550.54.15');
    expect(gpus.map(({ index, minor, busId, numaNode }) => [index, minor, busId, numaNode])).toEqual([
      [0, 0, '0000:1b:00.0', 0],
      [1, 1, '0000:2b:00.0', 0],
      [2, 2, '0000:3b:00.0', 0],
      [3, 3, '0000:4b:00.0', 0],
      [4, 4, '0000:5b:00.0', 1],
      [5, 5, '0000:6b:00.0', 1],
      [6, 6, '0000:7b:00.0', 1],
      [7, 7, '0000:8b:00.0', 1],
    ]);
    expect(gpus[3]).toMatchObject({
      uuid: GpuHostFixture.uuid(3),
      model: 'NVIDIA H200',
      migEnabled: false,
      migDevices: [],
      problem: undefined,
    });
  });

  it('tells how they are linked', async () => {
    const files = source();
    const { gpus } = await files.inventory();
    const { all } = await files.links(gpus);
    const between = (first: number, second: number) =>
      all.find(({ between: ends }) => ends.join() === [first, second].map(GpuHostFixture.busId).join())?.distance;
    expect(all).toHaveLength(28);
    expect([between(0, 1), between(0, 2), between(0, 4), between(6, 7)]).toEqual(['one switch', 'host bridge', 'system', 'one switch']);
  });

  it('tells of one that fell off the bus, and leaves out one that is excluded', async () => {
    rmSync(join(directory, 'sys/bus/pci/devices', GpuHostFixture.busId(1)));
    writeFileSync(
      join(directory, 'proc/driver/nvidia/gpus', GpuHostFixture.busId(2), 'information'),
      'Device Minor: 2\nGPU Excluded: Yes\n',
    );
    const { gpus } = await source().inventory();
    expect(gpus.map(({ minor, problem }) => [minor, problem])).toEqual([
      [0, undefined],
      [1, 'it is not on the PCI bus'],
      ...[3, 4, 5, 6, 7].map((minor) => [minor, undefined]),
    ]);
  });
});

it('tells of MIG devices with their capability files', async () => {
  new GpuHostFixture(directory, { gpus: 2, migDevices: 2, devices: false });
  const { gpus } = await source('1g.5gb').inventory();
  expect(gpus[1]?.migEnabled).toBe(true);
  expect(gpus[1]?.migDevices).toEqual([
    {
      id: `MIG-${GpuHostFixture.busId(1)}/1/0`,
      uuid: `MIG-${GpuHostFixture.uuid(1)}/1/0`,
      index: 0,
      profile: '1g.5gb',
      gpuInstance: 1,
      computeInstance: 0,
      capabilityFiles: ['/dev/nvidia-caps/nvidia-cap110', '/dev/nvidia-caps/nvidia-cap111'],
    },
    {
      id: `MIG-${GpuHostFixture.busId(1)}/2/0`,
      uuid: `MIG-${GpuHostFixture.uuid(1)}/2/0`,
      index: 1,
      profile: '1g.5gb',
      gpuInstance: 2,
      computeInstance: 0,
      capabilityFiles: ['/dev/nvidia-caps/nvidia-cap120', '/dev/nvidia-caps/nvidia-cap121'],
    },
  ]);
});

it('calls a GPU by its PCI address, before and after its first use tells its UUID', async () => {
  const fixture = new GpuHostFixture(directory, { migDevices: 1, devices: false });
  const files = source();
  const names = async () => (await files.inventory()).gpus.map(({ id, uuid, migDevices: [mig] }) => [id, uuid, mig?.id, mig?.uuid]);
  const [busId, uuid] = [GpuHostFixture.busId(0), GpuHostFixture.uuid(0)];
  fixture.tellUuid(0, undefined);
  expect(await names()).toEqual([[busId, undefined, `MIG-${busId}/1/0`, undefined]]);
  fixture.tellUuid(0, uuid);
  expect(await names()).toEqual([[busId, uuid, `MIG-${busId}/1/0`, `MIG-${uuid}/1/0`]]);
});

it('finds nothing on a host without GPUs', async () => {
  expect(await source().inventory()).toEqual({ driverVersion: undefined, gpus: [] });
});

it('tells of errors from when it is asked on', async () => {
  const fixture = new GpuHostFixture(directory, { devices: false });
  fixture.logLine('4,1,1,-;NVRM: Xid (PCI:0000:1b:00): 48, before');
  const over = new AbortController();
  const errors = source().errors(over.signal);
  const first = errors.next();
  // It may begin to read at any time from now on; so errors come until one is read.
  const writing = setInterval(() => fixture.logLine('4,2,2,-;NVRM: Xid (PCI:0000:1b:00): 79, after'), 20);
  expect(await first).toEqual({ done: false, value: { xid: 79, gpu: '0000:1b:00' } });
  clearInterval(writing);
  over.abort();
  await errors.return();
});
