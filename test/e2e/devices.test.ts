import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Node } from '@berth/api/objects';
import { connect } from '@berth/sdk/connect';
import { devicePlugin } from '@berth/sdk/device';
import { PodResourcesListerService } from '@berth/sdk/pod-resources';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { GpuHostFixture } from '../../plugins/device-gpu/src/gpu-host.fixture.ts';
import { DevicePluginProcess } from '../fixtures/device-plugin-process.ts';
import { kubeletGet } from '../fixtures/kubelet-socket.ts';
import { describeOnEachRuntime } from '../fixtures/node-on-runtime.ts';
import { busyboxPod, manifestOf } from '../fixtures/pod-manifests.ts';
import { repository } from '../fixtures/tools.ts';

const gpu = 'nvidia.com/gpu';
const thing = 'vendor.example/thing';
const gpuByCdi = 'cdi.example/gpu';
const sleeps = { command: ['sleep', '600'] };
const listLibraries = ['ls', '/usr/lib/x86_64-linux-gnu', '/usr/bin/nvidia-smi'];
const driverFiles = /nvidia-smi.*libcuda\.so\.1/s;
const patience = { timeout: 30_000, interval: 100 };

describeOnEachRuntime({ about: 'devices' }, (node) => {
  let gpus: GpuHostFixture;
  let plugin: DevicePluginProcess;
  let ended: Promise<void>;
  const stop = new AbortController();

  beforeAll(async () => {
    for (const name of ['pods', 'gpus', 'devices']) mkdirSync(join(node.home.directory, name));
    gpus = new GpuHostFixture(join(node.home.directory, 'gpus'), { gpus: 2 });
    execFileSync('mknod', [thingPath(), 'c', '240', '7']);
    const command = ['@berth/runtime-runc', '--cdi-directories', cdiRoot()];
    if (node.handler === 'runc') node.configure({ runtimes: [{ handler: 'runc', command }] });
    await node.kubelet({ staticPodPath: 'pods' });
    plugin = startPlugin();
    const path = thingPath();
    const written = devicePlugin({
      resourceName: thing,
      async *list() {
        yield [{ id: 'thing0' }];
      },
      allocate: () => ({ devices: [{ hostPath: path, containerPath: '/dev/thing0', permissions: 'r' }] }),
    });
    ended = written.run({ directory: pluginDirectory(), signal: stop.signal, log: () => {} });
    await vi.waitFor(async () => expect(await amounts('capacity')).toEqual({ [gpu]: '2', [thing]: '1' }), patience);
  });

  afterAll(async () => {
    rmSync(join(node.home.directory, 'pods'), { recursive: true });
    await vi.waitFor(async () => expect(await node.pods()).toEqual([]), patience);
    stop.abort();
    await Promise.all([plugin.stop(), ended]);
  });

  const thingPath = () => join(node.home.directory, 'devices/thing0');
  const pluginDirectory = () => join(node.home.root, 'kubelet/device-plugins');

  const cdiRoot = () => join(node.home.directory, 'cdi');

  function startPlugin(...flags: string[]): DevicePluginProcess {
    return new DevicePluginProcess('device-gpu', ['--fixture', gpus.directory, '--plugin-directory', pluginDirectory(), ...flags]);
  }

  /** Of extended resources. */
  async function amounts(field: 'capacity' | 'allocatable'): Promise<Record<string, string>> {
    const { status } = JSON.parse(await kubeletGet(node.home, '/node')) as Node;
    return Object.fromEntries(Object.entries(status?.[field] ?? {}).filter(([name]) => name.includes('/'))) as Record<string, string>;
  }

  function apply(name: string, limits: Record<string, string>): void {
    node.home.write(`pods/${name}.yaml`, manifestOf(busyboxPod(name, { ...sleeps, resources: { limits } })));
  }

  const phase = async (name: string) => (await node.statusOf(`${name}-here`))?.phase;

  /** Those of GPUs, with their types and numbers. */
  async function gpuFiles(name: string): Promise<string[]> {
    return (await inside(name, 'sh', '-c', 'cd /dev; stat -c "%n %F %t:%T" nvidia*')).split('\n');
  }

  async function inside(name: string, ...command: string[]): Promise<string> {
    const { stdout, stderr } = await node.home.berth('exec', `${name}-here`, '--', ...command);
    return `${stdout}${stderr}`.trim();
  }

  it('a pod that asks for a GPU gets its device files, its libraries and its variable', async () => {
    const example = readFileSync(join(repository, 'examples/gpu.yaml'), 'utf8');
    node.home.write('pods/one.yaml', example.replace('name: gpu', 'name: one'));
    await expect.poll(() => phase('one'), patience).toBe('Running');
    const uuid = GpuHostFixture.uuid(0);
    expect(await inside('one', 'sh', '-c', 'echo $NVIDIA_VISIBLE_DEVICES')).toBe(uuid);
    expect(await gpuFiles('one')).toEqual([
      'nvidia-modeset character special file c3:fe',
      'nvidia-uvm character special file 1fe:0',
      'nvidia-uvm-tools character special file 1fe:1',
      'nvidia0 character special file c3:0',
      'nvidiactl character special file c3:ff',
    ]);
    expect(await inside('one', ...listLibraries)).toMatch(driverFiles);
    const steps = (await node.home.berth('explain', 'one-here')).stdout;
    expect(steps).toContain(`allocated: 1 of ${gpu}`);
    expect((await node.home.berth('trace', 'one-here')).stdout).toMatch(/nvidia\.com\/gpu\s+Allocate/);
  });

  it('another one gets the other, and a third is told that there is none', async () => {
    apply('two', { [gpu]: '1' });
    await expect.poll(() => phase('two'), patience).toBe('Running');
    expect(await inside('two', 'sh', '-c', 'ls /dev/nvidia[0-9]; echo $NVIDIA_VISIBLE_DEVICES')).toBe(
      `/dev/nvidia1\n${GpuHostFixture.uuid(1)}`,
    );
    apply('three', { [gpu]: '1' });
    await expect.poll(() => phase('three'), patience).toBe('Failed');
    expect(await node.statusOf('three-here')).toMatchObject({
      reason: 'UnexpectedAdmissionError',
      message: expect.stringContaining(`requested number of devices unavailable for ${gpu}. Requested: 1, Available: 0`),
    });
  });

  it('a device may be used as its permissions say, though no driver is behind this one', async () => {
    apply('thing', { [thing]: '1' });
    await expect.poll(() => phase('thing'), patience).toBe('Running');
    expect(await inside('thing', 'sh', '-c', 'cat < /dev/thing0')).toContain('No such device or address');
    expect(await inside('thing', 'sh', '-c', 'echo x > /dev/thing0')).toContain('Operation not permitted');
  });

  it('who asks is told who has what', async () => {
    const client = connect(PodResourcesListerService, `unix://${join(node.home.root, 'kubelet/pod-resources/kubelet.sock')}`);
    const { podResources } = await client.list({}).finally(() => client.close());
    const devices = podResources.flatMap(({ name, containers }) =>
      containers.flatMap(({ devices }) => devices.map(({ resourceName, deviceIds }) => `${name} ${resourceName} ${deviceIds}`)),
    );
    expect(devices.toSorted()).toEqual([
      `one-here ${gpu} ${GpuHostFixture.busId(0)}`,
      `thing-here ${thing} thing0`,
      `two-here ${gpu} ${GpuHostFixture.busId(1)}`,
    ]);
  });

  it('after a restart of the kubelet each pod has what it had, and after one of the plugin too', async () => {
    await node.interrupt();
    await node.kubelet({ staticPodPath: 'pods' });
    await expect.poll(() => amounts('allocatable'), patience).toEqual({ [gpu]: '2', [thing]: '1' });
    await plugin.stop();
    await expect.poll(() => amounts('allocatable'), patience).toEqual({ [gpu]: '0', [thing]: '1' });
    plugin = startPlugin();
    await expect.poll(() => amounts('allocatable'), patience).toEqual({ [gpu]: '2', [thing]: '1' });
    expect(await inside('one', 'ls', '/dev/nvidia0')).toBe('/dev/nvidia0');
    rmSync(join(node.home.directory, 'pods/one.yaml'));
    await vi.waitFor(async () => expect(await phase('one')).toBeUndefined(), patience);
    apply('four', { [gpu]: '1' });
    await expect.poll(() => phase('four'), patience).toBe('Running');
    expect(await inside('four', 'sh', '-c', 'ls /dev/nvidia[0-9]')).toBe('/dev/nvidia0');
  });

  it('a GPU that falls from the bus is not given away, and is again once it is back', async () => {
    gpus.remove('dev/nvidia1');
    await expect.poll(() => amounts('allocatable'), patience).toEqual({ [gpu]: '1', [thing]: '1' });
    gpus.addGpuDevice(1);
    await expect.poll(() => amounts('allocatable'), patience).toEqual({ [gpu]: '2', [thing]: '1' });
  });

  it('the same files come by CDI, which containerd has from 1.7 on', async ({ skip }) => {
    if (node.handler === 'containerd') skip('Debian 12 has containerd 1.6');
    const byCdi = startPlugin('--resource-name', gpuByCdi, '--device-list-strategy', 'cdi-cri', '--cdi-root', cdiRoot());
    try {
      await expect.poll(async () => (await amounts('allocatable'))[gpuByCdi], patience).toBe('2');
      apply('cdi', { [gpuByCdi]: '2' });
      await expect.poll(() => phase('cdi'), patience).toBe('Running');
      expect(await gpuFiles('cdi')).toEqual([
        'nvidia-modeset character special file c3:fe',
        'nvidia-uvm character special file 1fe:0',
        'nvidia-uvm-tools character special file 1fe:1',
        'nvidia0 character special file c3:0',
        'nvidia1 character special file c3:1',
        'nvidiactl character special file c3:ff',
      ]);
      expect(await inside('cdi', ...listLibraries)).toMatch(driverFiles);
    } finally {
      await byCdi.stop();
    }
  });

  it('what is wrong with plugins is told by doctor, and beside the node', async () => {
    const other = new AbortController();
    const twin = devicePlugin({
      resourceName: thing,
      async *list() {
        yield [{ id: 'thing0' }];
      },
      allocate: () => ({}),
    }).run({ directory: pluginDirectory(), socketName: 'twin.sock', signal: other.signal, log: () => {} });
    try {
      const told =
        /DevicePluginReplaced +two device plugins serve vendor\.example\/thing: .*twin\.sock takes the place of .*; stop one of them/;
      await expect.poll(async () => (await node.home.berth('node', '-o', 'wide')).stdout, patience).toMatch(told);
      const examined = (await node.home.berth('doctor')).stdout;
      expect(examined).toMatch(/event DevicePluginReplaced +warning +two device plugins serve .*; stop one of them \(\d+s ago\)/);
    } finally {
      other.abort();
      await twin;
    }
  });
});
