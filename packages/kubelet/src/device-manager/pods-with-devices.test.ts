import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { asking, DeviceNode, gpu, nic } from '../../testing/device-node.ts';
import { isReady } from '../../testing/node.ts';

let on: DeviceNode;

beforeEach(async () => {
  on = await DeviceNode.create();
});

afterEach(() => on.close());

describe('a pod that asks for a device', () => {
  it('gets what the plugin answers, beside its own', async () => {
    const made = await on.plugin(gpu, ['a', 'b']);
    made.answer = (ids) => ({
      envs: { VISIBLE: ids.join(), OWN: 'of the plugin' },
      mounts: [{ containerPath: '/lib/driver', hostPath: on.node.root, readOnly: true }],
      devices: [{ hostPath: '/dev/null', containerPath: '/dev/gpu0' }],
      annotations: { 'vendor.example/index': '0' },
      cdiDevices: ['vendor.example/gpu=a'],
    });
    const container = `{name: main, image: a, env: [{name: OWN, value: mine}], resources: {limits: {${gpu}: 1}}}`;
    await on.apply('one', `  containers: [${container}]\n`);
    await on.node.until('one', isReady);
    const config = on.configOf('one');
    expect([on.variableOf('one', 'VISIBLE'), on.variableOf('one', 'OWN')]).toEqual(['a', 'mine']);
    expect(config?.devices).toMatchObject([{ hostPath: '/dev/null', containerPath: '/dev/gpu0', permissions: 'rw' }]);
    expect(config?.mounts).toContainEqual(
      expect.objectContaining({ containerPath: '/lib/driver', hostPath: on.node.root, readonly: true }),
    );
    expect(config?.annotations['vendor.example/index']).toBe('0');
    expect(config?.CDIDevices).toMatchObject([{ name: 'vendor.example/gpu=a' }]);
    expect((await on.node.get('/metrics')).body).toContain(`kubelet_device_plugin_registration_total{resource_name="${gpu}"} 1\n`);
  });

  it('waits for its plugin, if the kubelet has only just begun', async () => {
    await on.apply('one', asking({ [gpu]: 1 }));
    await on.apply('two', asking({ [gpu]: 2 }));
    expect(await on.node.untilHeldUp('one', 'FailedAllocateDevices')).toContain(`the device plugin for ${gpu}: it has not registered yet`);
    await on.plugin(gpu, ['a']);
    await on.node.until('one', isReady);
    expect((await on.failed('two'))?.message).toContain(`requested number of devices unavailable for ${gpu}. Requested: 2`);
    expect(on.node.runtime.calls.filter((call) => call.startsWith('RunPodSandbox'))).toEqual(['RunPodSandbox one']);
  });

  it('is refused, before anything is made for it, if the plugin refuses', async () => {
    const made = await on.plugin(gpu, ['a']);
    made.answer = () => {
      throw new Error('the board is on fire');
    };
    await on.apply('one', asking({ [gpu]: 1 }));
    const status = await on.failed('one');
    expect(status).toMatchObject({ reason: 'UnexpectedAdmissionError', message: expect.stringContaining('the board is on fire') });
    expect(on.node.runtime.calls.filter((call) => call.startsWith('RunPodSandbox'))).toEqual([]);
    made.answer = () => ({});
    await on.apply('next', asking({ [gpu]: 1 }));
    await on.node.until('next', isReady);
  });

  it('is refused if there are too few, and leaves other resources alone', async () => {
    await on.plugin(gpu, ['a', { id: 'b', healthy: false }]);
    (await on.plugin(nic, ['n'])).answer = () => ({});
    await on.apply('one', asking({ [gpu]: 2, [nic]: 1 }));
    expect(await on.failed('one')).toMatchObject({
      reason: 'UnexpectedAdmissionError',
      message: `Pod was rejected: Allocate failed due to requested number of devices unavailable for ${gpu}. Requested: 2, Available: 1, which is unexpected`,
    });
    await on.apply('two', asking({ [gpu]: 1, [nic]: 1 }));
    await on.node.until('two', isReady);
  });

  it('asks no plugin for anything if another rule refuses the pod', async () => {
    const made = await on.plugin(gpu, ['a']);
    await on.apply('one', asking({ [gpu]: 1, memory: 2 ** 50 }));
    expect((await on.failed('one'))?.reason).toBe('OutOfmemory');
    await on.apply('two', asking({ [gpu]: 1 }));
    await on.node.until('two', isReady);
    expect(made.calls).toEqual(['Allocate a']);
  });

  it('is refused if two plugins want different things of its container', async () => {
    const [one, other] = [await on.plugin(gpu, ['a']), await on.plugin(nic, ['n'])];
    one.answer = () => ({ envs: { MODE: 'fast' } });
    other.answer = () => ({ envs: { MODE: 'slow' } });
    await on.apply('one', asking({ [gpu]: 1, [nic]: 1 }));
    expect((await on.failed('one'))?.message).toMatch(/the variable MODE is given differently for vendor\.example\/\w+ and for/);
  });

  it('gets the devices that the plugin prefers', async () => {
    await on.plugin(gpu, ['a', 'b', 'c', 'd'], { preferred: ({ available, size }) => available.toReversed().slice(0, size) });
    await on.apply('one', asking({ [gpu]: 2 }));
    await on.node.until('one', isReady);
    expect(on.variableOf('one', 'DEVICES')).toBe('d,c');
  });

  it('hands those of its init containers on', async () => {
    const made = await on.plugin(gpu, ['a', 'b']);
    const init = `  initContainers: [{name: init, image: a, args: ["exit-after=10"], resources: {limits: {${gpu}: 2}}}]\n`;
    await on.apply('one', asking({ [gpu]: 2 }, init));
    await expect.poll(() => on.variableOf('one', 'DEVICES', 'init')).toBe('a,b');
    await expect.poll(() => made.calls).toEqual(['Allocate a,b', 'Allocate a,b']);
  });

  it('waits until a path of its device is there', async () => {
    const made = await on.plugin(gpu, ['a']);
    const path = join(on.node.root, 'device');
    made.answer = () => ({ devices: [{ hostPath: path }] });
    await on.apply('one', asking({ [gpu]: 1 }));
    await expect
      .poll(() => on.waitsFor('one'))
      .toMatchObject({
        reason: 'CreateContainerConfigError',
        message: expect.stringContaining(`${path}, which a device plugin gives the container: there is no such path on the host`),
      });
    await writeFile(path, '');
    await on.node.until('one', isReady);
  });

  it('waits until it is on disk which device it has', async () => {
    await on.plugin(gpu, ['a']);
    await expect.poll(() => existsSync(on.checkpointPath)).toBe(true);
    await rm(on.checkpointPath);
    await mkdir(on.checkpointPath);
    await on.apply('one', asking({ [gpu]: 1 }));
    await expect.poll(() => on.waitsFor('one')).toMatchObject({ reason: 'CreateContainerConfigError' });
    await expect.poll(() => on.events().map(({ reason }) => reason)).toContain('DeviceCheckpointFailed');
    expect(on.node.runtime.calls.filter((call) => call.startsWith('CreateContainer'))).toEqual([]);
    await rm(on.checkpointPath, { recursive: true });
    await on.node.until('one', isReady);
    expect(await readFile(on.checkpointPath, 'utf8')).toContain('"DeviceIDs":{"-1":["a"]}');
  });

  it('can not mount something where its device is mounted', async () => {
    const made = await on.plugin(gpu, ['a']);
    made.answer = () => ({ mounts: [{ containerPath: '/lib/driver', hostPath: on.node.root }] });
    const volume = '  volumes: [{name: own, emptyDir: {}}]\n';
    const container = `{name: main, image: a, volumeMounts: [{name: own, mountPath: /lib/driver}], resources: {limits: {${gpu}: 1}}}`;
    await on.apply('one', `  containers: [${container}]\n${volume}`);
    await expect
      .poll(() => on.waitsFor('one'))
      .toMatchObject({
        reason: 'CreateContainerConfigError',
        message: expect.stringContaining('mount at /lib/driver: a device plugin mounts something there, and so does the pod'),
      });
  });

  it('has it readied before each start, where the plugin asks for that', async () => {
    let failures = 1;
    const calls: string[] = [];
    await on.plugin(gpu, ['a'], {
      preStart: (ids) => {
        calls.push(`PreStart ${ids.join()} after ${on.node.runtime.calls.filter((call) => call.startsWith('CreateContainer')).length}`);
        if (failures-- > 0) throw new Error('not yet');
      },
    });
    await on.apply('one', asking({ [gpu]: 1 }));
    await on.node.until('one', isReady);
    expect(calls).toEqual(['PreStart a after 0', 'PreStart a after 0']);
  });
});
