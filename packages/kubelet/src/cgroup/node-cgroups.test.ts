import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CgroupDriver } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CgroupMount } from '../../testing/cgroup-mount.ts';
import { makePod } from '../../testing/observed-pod.ts';
import { type ServedRuntime, serveRuntime } from '../../testing/served-runtime.ts';
import type { TimerRuntime } from '../../testing/timer-runtime.ts';
import { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import type { RuntimeClient } from '../runtime/runtime-client.ts';
import { CgroupFiles } from './cgroup-files.ts';
import { CgroupHousekeeping } from './cgroup-housekeeping.ts';
import { type CgroupOptions, defaultCgroups } from './cgroup-options.ts';
import { NodeCgroups } from './node-cgroups.ts';

const { signal } = new AbortController();
let served: ServedRuntime;
let runtime: TimerRuntime;
let client: RuntimeClient;
let cgroups: NodeCgroups;
let mount: CgroupMount;
let metrics: KubeletMetrics;

beforeEach(async () => {
  served = await serveRuntime();
  ({ runtime, client } = served);
  mount = new CgroupMount(1);
  metrics = new KubeletMetrics({ nodeName: 'node' });
  cgroups = nodeCgroups();
});

afterEach(async () => {
  mount.remove();
  await served.stop();
});

/** A guaranteed pod, so that it is of no class. */
const pod = makePod({ containers: [{ name: 'main', image: 'a:1', resources: { limits: { cpu: '1', memory: '1Gi' } } }] });
const parent = () => cgroups.parentOf(pod, client, signal);

function nodeCgroups(options: Partial<CgroupOptions> = {}, files = new CgroupFiles(mount.path)): NodeCgroups {
  const amounts = {
    allocatable: new Map([['memory', 900n]]),
    podLimits: new Map([['memory', 1000n]]),
    capacity: new Map([['memory', 1100n]]),
  };
  return new NodeCgroups(
    { ...defaultCgroups, cgroupRoot: '/berth', ...options },
    {
      pods: () => [pod],
      podLimits: () => amounts.podLimits,
      capacity: () => amounts.capacity,
      allocatable: () => amounts.allocatable,
      reserved: () =>
        new Map([
          ['cpu', 500n],
          ['memory', 77n],
        ]),
    },
    files,
    metrics,
  );
}

describe('the cgroup parent of a pod', () => {
  it.each([
    ['SYSTEMD', CgroupDriver.SYSTEMD, '/berth.slice/berth-kubepods.slice/berth-kubepods-poduid.slice'],
    ['CGROUPFS', CgroupDriver.CGROUPFS, '/berth/kubepods/poduid'],
    ['nothing', undefined, '/berth/kubepods/poduid'],
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
    expect(await parent()).toBe('/berth.slice/berth-kubepods.slice/berth-kubepods-poduid.slice');
  });
});

describe('all pods together', () => {
  const kubepods = '/berth/kubepods';

  it.each<[what: string, enforceNodeAllocatable: string[], limit: string]>([
    ['have what is for them, where that is enforced', ['pods'], '1000'],
    ['have what the machine has otherwise', ['none'], '1100'],
  ])('%s', async (_what, enforceNodeAllocatable, limit) => {
    mount.prepare(kubepods, `${kubepods}/poduid`);
    cgroups = nodeCgroups({ enforceNodeAllocatable });
    await cgroups.apply(pod, client, signal);
    expect(mount.values(kubepods)['memory.limit_in_bytes']).toBe(limit);
  });
});

it('the root is removed after an update that was asked for, which would make it anew', async () => {
  const files = new CgroupFiles(mount.path);
  vi.spyOn(files, 'write').mockResolvedValue();
  const made = vi.spyOn(files, 'make');
  const removed = vi.spyOn(files, 'removeEmpty');
  cgroups = nodeCgroups({}, files);
  await cgroups.apply(pod, client, signal);
  const going = cgroups.update();
  await Promise.resolve();
  const asked = cgroups.update();
  await cgroups.removeRoot();
  await Promise.all([going, asked]);
  expect(removed.mock.invocationCallOrder.at(0)).toBeGreaterThan(made.mock.invocationCallOrder.at(-1) ?? 0);
  expect(removed.mock.calls.map(([path]) => path)).toEqual([
    '/berth/kubepods/besteffort',
    '/berth/kubepods/burstable',
    '/berth/kubepods',
    '/berth',
  ]);
});

it('changes of cgroups are measured by what they were', async () => {
  for (const cgroup of ['/berth', '/berth/kubepods', '/berth/kubepods/burstable', '/berth/kubepods/besteffort']) mount.prepare(cgroup);
  await expect(cgroups.apply(pod, client, signal)).rejects.toThrow('the file is missing');
  mount.prepare('/berth/kubepods/poduid');
  await cgroups.apply(pod, client, signal);
  await mkdir(join(mount.path, 'memory/berth/kubepods/podgone'));
  await cgroups.remove('gone', client, signal);
  const { values } = await metrics.cgroupManagerDuration.get();
  const counts = values
    .filter(({ metricName }) => metricName?.endsWith('_count'))
    .map(({ labels, value }) => [labels.operation_type, value]);
  expect(Object.fromEntries(counts)).toEqual({ update: 5, create: 1, destroy: 1 });
});

describe('what is for others than pods', () => {
  const options = { systemReservedCgroup: '/system', enforceNodeAllocatable: ['pods', 'system-reserved'] };

  it('is bounded by what is reserved for it', async () => {
    mount.prepare('/system');
    expect(await nodeCgroups(options).enforceReserved()).toEqual(['/system']);
    expect(mount.values('/system')).toMatchObject({ 'cpu.shares': '512', 'memory.limit_in_bytes': '77' });
  });

  it('is bounded in CPU only where only that is asked for', async () => {
    mount.prepare('/system');
    await nodeCgroups({ ...options, enforceNodeAllocatable: ['system-reserved-compressible'] }).enforceReserved();
    expect(mount.values('/system')).toEqual({ 'cpu.shares': '512' });
  });

  it('has to have the cgroup that is named', async () => {
    await expect(nodeCgroups(options).enforceReserved()).rejects.toThrow('systemReservedCgroup /system: there is no such cgroup');
  });
});

describe('cgroups of pods that nobody has', () => {
  const uids = () => cgroups.all()[0]?.uids();

  it('are removed at the second look, unless a process is in them', async () => {
    await cgroups.parentOf(pod, client, signal);
    for (const uid of ['uid', 'gone', 'busy'])
      await mkdir(join(mount.path, `memory/berth/kubepods/burstable/pod${uid}`), { recursive: true });
    await writeFile(join(mount.path, 'memory/berth/kubepods/burstable/podbusy/cgroup.procs'), '1\n');
    mount.prepare('/berth/kubepods');
    const housekeeping = new CgroupHousekeeping({ cgroups, isKnown: (uid) => uid === 'uid', log: pino({ level: 'silent' }) });
    await housekeeping.turn();
    expect((await uids())?.sort()).toEqual(['busy', 'gone', 'uid']);
    await housekeeping.turn();
    expect((await uids())?.sort()).toEqual(['busy', 'uid']);
  });
});
