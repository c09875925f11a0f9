import { existsSync, globSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from '@berth/api/objects';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CgroupMount } from '../../testing/cgroup-mount.ts';
import { makePod } from '../../testing/observed-pod.ts';
import { CgroupFiles } from './cgroup-files.ts';
import { type CgroupOptions, defaultCgroups } from './cgroup-options.ts';
import { CgroupfsDriver } from './cgroupfs-driver.ts';
import { PodCgroups } from './pod-cgroups.ts';
import { SystemdDriver } from './systemd-driver.ts';

const { signal } = new AbortController();
const gibi = 2n ** 30n;

const podOf = (resources: object): Pod => makePod({ containers: [{ name: 'main', image: 'a:1', resources }] });
const guaranteed = podOf({ limits: { cpu: '1', memory: '64Mi' } });
const burstable = podOf({ requests: { cpu: '500m', memory: '1Gi' } });
const bestEffort = podOf({});

describe('where the cgroup of a pod is', () => {
  const files = new CgroupFiles();
  const drivers = { cgroupfs: new CgroupfsDriver(files), systemd: new SystemdDriver(files) };

  it.each<[driver: keyof typeof drivers, options: Partial<CgroupOptions>, pod: Pod, path: string]>([
    ['cgroupfs', {}, guaranteed, '/berth/kubepods/poduid'],
    ['cgroupfs', {}, burstable, '/berth/kubepods/burstable/poduid'],
    ['cgroupfs', { cgroupRoot: '/' }, bestEffort, '/kubepods/besteffort/poduid'],
    ['systemd', {}, guaranteed, '/berth.slice/berth-kubepods.slice/berth-kubepods-poduid.slice'],
    ['systemd', { cgroupRoot: '/' }, burstable, '/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-poduid.slice'],
    ['cgroupfs', { cgroupsPerQOS: false }, burstable, '/berth'],
  ])('by %s and %j', (driver, options, pod, path) => {
    const cgroups = new PodCgroups(drivers[driver], { ...defaultCgroups, cgroupRoot: '/berth', ...options }, []);
    expect(cgroups.parentOf(pod)).toBe(path);
  });

  it('has no dash of its own in a slice, as one stands for a level', () => {
    expect(drivers.systemd.pathOf(['my-node', 'poda-b'])).toBe('/my_node.slice/my_node-poda_b.slice');
  });
});

describe.each([1, 2] as const)('on cgroup v%d', (version) => {
  let mount: CgroupMount;
  const paths = { kubepods: '/berth/kubepods', burstable: '/berth/kubepods/burstable', besteffort: '/berth/kubepods/besteffort' };
  const cgroupsWith = (options: Partial<CgroupOptions> = {}) =>
    new PodCgroups(
      new CgroupfsDriver(new CgroupFiles(mount.path)),
      { ...defaultCgroups, cgroupRoot: '/berth', podPidsLimit: 99n, ...options },
      ['2MB'],
    );

  beforeEach(() => {
    mount = new CgroupMount(version);
    mount.prepare('/berth', ...Object.values(paths), '/berth/kubepods/poduid');
  });

  afterEach(() => mount.remove());

  it('a pod gets its values', async () => {
    await cgroupsWith().apply(guaranteed, signal);
    expect(mount.values('/berth/kubepods/poduid')).toEqual(
      version === 1
        ? {
            'cpu.shares': '1024',
            'cpu.cfs_period_us': '100000',
            'cpu.cfs_quota_us': '100000',
            'memory.limit_in_bytes': '67108864',
            'pids.max': '99',
            'hugetlb.2MB.limit_in_bytes': '0',
          }
        : { 'cpu.weight': '39', 'cpu.max': '100000 100000', 'memory.max': '67108864', 'pids.max': '99', 'hugetlb.2MB.max': '0' },
    );
  });

  it('a pod is current once it has its values, until it asks for others or its cgroup is removed', async () => {
    const cgroups = cgroupsWith();
    const wanting = { ...guaranteed, spec: burstable.spec };
    const current = () => [cgroups.isCurrent(guaranteed), cgroups.isCurrent(guaranteed, { wanting })];
    expect(current()).toEqual([false, false]);
    await cgroups.apply(guaranteed, signal);
    expect(current()).toEqual([true, false]);
    await cgroups.apply(guaranteed, signal, { wanting });
    expect(current()).toEqual([false, true]);
    mount.remove();
    mount = new CgroupMount(version);
    await cgroups.remove('uid', signal);
    expect(current()).toEqual([false, false]);
  });

  it('a pod whose values could not be set is not current', async () => {
    const cgroups = cgroupsWith();
    await cgroups.apply(guaranteed, signal);
    const gone = mount;
    gone.remove();
    mount = new CgroupMount(version);
    await expect(cgroups.apply(guaranteed, signal)).rejects.toThrow(/cgroup controller cpu/);
    // The cgroups were made anew, without the files that the kernel would make with them.
    gone.remove();
    expect(cgroups.isCurrent(guaranteed)).toBe(false);
  });

  it('a pod that has CPUs for itself gets no quota', async () => {
    await cgroupsWith().apply(guaranteed, signal, { unthrottled: true });
    const values = mount.values('/berth/kubepods/poduid');
    expect(version === 1 ? values['cpu.cfs_quota_us'] : values['cpu.max']).toBe(version === 1 ? '-1' : 'max 100000');
  });

  it('the classes weigh what their pods request, and all pods have what is for them', async () => {
    const cgroups = cgroupsWith();
    await cgroups.applyTiers([guaranteed, burstable, burstable, bestEffort], { memoryLimit: gibi }, gibi, signal);
    const weights = [paths.burstable, paths.besteffort].map((path) => mount.values(path));
    expect(weights).toEqual(
      version === 1 ? [{ 'cpu.shares': '1024' }, { 'cpu.shares': '2' }] : [{ 'cpu.weight': '39' }, { 'cpu.weight': '1' }],
    );
    expect(mount.values(paths.kubepods)).toEqual({ [version === 1 ? 'memory.limit_in_bytes' : 'memory.max']: String(gibi) });
    await cgroups.applyTiers([], {}, gibi, signal);
    expect(mount.values(paths.burstable)).toEqual(version === 1 ? { 'cpu.shares': '2' } : { 'cpu.weight': '1' });
  });

  it('qosReserved keeps memory that higher classes request from lower ones', async () => {
    await cgroupsWith({ qosReserved: { memory: '50%' } }).applyTiers([burstable], {}, 4n * gibi, signal);
    const file = version === 1 ? 'memory.limit_in_bytes' : 'memory.max';
    expect([paths.burstable, paths.besteffort].map((path) => mount.values(path)[file])).toEqual([
      String(4n * gibi),
      String((7n * gibi) / 2n),
    ]);
  });

  it('a limit that the host cannot set is an error that names file and controller', async () => {
    mount.remove();
    mount = new CgroupMount(version);
    await expect(cgroupsWith().apply(guaranteed, signal)).rejects.toThrow(/cpu\.(cfs_period_us|max).*cgroup controller cpu/s);
  });
});

it('memoryThrottlingFactor keeps requested memory on the whole way to the pod, on cgroup v2', async () => {
  const mount = new CgroupMount(2);
  const paths = ['/berth', '/berth/kubepods', '/berth/kubepods/burstable', '/berth/kubepods/besteffort'];
  mount.prepare(...paths);
  const options = { ...defaultCgroups, cgroupRoot: '/berth', memoryThrottlingFactor: 0.9 };
  const cgroups = new PodCgroups(new CgroupfsDriver(new CgroupFiles(mount.path)), options, []);
  await cgroups.applyTiers([burstable], {}, gibi, signal);
  expect(paths.map((path) => mount.values(path)['memory.min'])).toEqual([...[gibi, gibi, gibi].map(String), undefined]);
  mount.remove();
});

describe('slices', () => {
  it('are started, told the values that systemd knows, and given the exact ones by file', async () => {
    const mount = new CgroupMount(2);
    const slice = 'berth-kubepods-poduid.slice';
    mount.prepare(`/berth.slice/berth-kubepods.slice/${slice}`);
    const said: string[][] = [];
    const driver = new SystemdDriver(new CgroupFiles(mount.path), async (args) => void said.push(args));
    const pod = podOf({ limits: { cpu: '15m', memory: '64Mi' } });
    await new PodCgroups(driver, { ...defaultCgroups, cgroupRoot: '/berth', podPidsLimit: 9n }, []).apply(pod, signal);
    expect(said).toEqual([
      ['start', slice],
      ['set-property', '--runtime', slice, 'CPUWeight=1', 'CPUQuota=2%', 'MemoryMax=67108864', 'TasksMax=9'],
    ]);
    expect(mount.values(`/berth.slice/berth-kubepods.slice/${slice}`)).toMatchObject({ 'cpu.max': '1500 100000' });
    mount.remove();
  });
});

const usable = process.getuid?.() === 0 && existsSync('/sys/fs/cgroup');
const drivers = [
  ['cgroupfs', usable, (files: CgroupFiles) => new CgroupfsDriver(files), ''],
  ['systemd', usable && existsSync('/run/systemd/system'), (files: CgroupFiles) => new SystemdDriver(files), '.slice'],
] as const;

describe.each(drivers)('the host, by %s [skipped: needs root, cgroups, and systemd for its own]', (_name, isThere, make, ending) => {
  const root = `/berthtest${process.pid}`;
  const found = () => globSync([`/sys/fs/cgroup${root}${ending}`, `/sys/fs/cgroup/*${root}${ending}`]);

  it.skipIf(!isThere)(
    'has a cgroup for each pod in every hierarchy until it is removed, and the rest as long as one is there',
    async () => {
      const cgroups = new PodCgroups(make(new CgroupFiles()), { ...defaultCgroups, cgroupRoot: root }, []);
      const pods = [guaranteed, burstable].map((pod, index) => ({ ...pod, metadata: { ...pod.metadata, uid: `a-${index}` } }));
      await cgroups.applyTiers(pods, {}, gibi, signal);
      for (const pod of [...pods, ...pods]) await cgroups.apply(pod, signal);
      expect((await cgroups.uids()).sort()).toEqual(['a-0', 'a-1']);
      const made = globSync([`/sys/fs/cgroup${cgroups.parentOf(guaranteed).replace('uid', 'a*0')}`, `/sys/fs/cgroup/*${root}*/*/*poda*0*`]);
      for (const directory of made) await mkdir(join(directory, 'container'));
      for (const uid of ['a-0', 'a-0', 'none']) await cgroups.remove(uid, signal);
      await cgroups.removeRoot();
      expect(await cgroups.uids()).toEqual(['a-1']);
      await cgroups.remove('a-1', signal);
      await cgroups.removeRoot();
      expect(found()).toEqual([]);
    },
  );
});
