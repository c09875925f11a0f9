import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { PluginError } from '@berth/sdk/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { asking, DeviceNode, gpu, nic } from '../../testing/device-node.ts';
import { isReady } from '../../testing/node.ts';

let on: DeviceNode;

beforeEach(async () => {
  on = await DeviceNode.create();
});

afterEach(() => on.close());

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
}

describe('after a restart of the kubelet', () => {
  it('containers keep their devices, and nothing is allocated anew', async () => {
    const made = await on.plugin(gpu, ['a', 'b']);
    await on.apply('one', asking({ [gpu]: 1 }));
    await on.node.until('one', isReady);
    await on.restartKubelet();
    await expect.poll(() => on.allocatable(gpu)).toBe('2');
    await on.apply('two', asking({ [gpu]: 1 }));
    await on.node.until('two', isReady);
    expect(made.calls).toEqual(['Allocate a', 'Allocate b']);
    on.node.runtime.exit('main', 1);
    await on.node.until('one', ({ status }) => status?.containerStatuses?.[0]?.restartCount === 1 && isReady({ status } as never));
    expect([on.variableOf('one', 'DEVICES'), made.calls.length]).toEqual(['a', 2]);
  });

  it('a container that starts waits for its plugin', async () => {
    const made = await on.plugin(gpu, ['a']);
    await on.apply('one', asking({ [gpu]: 1 }));
    await on.node.until('one', isReady);
    await made.stop();
    await on.node.kubelet.stop({ removePods: false });
    on.node.runtime.exit('main', 1);
    on.node.replaceKubelet();
    await on.node.kubelet.start();
    await expect
      .poll(() => on.waitsFor('one'))
      .toMatchObject({
        reason: 'CreateContainerConfigError',
        message: expect.stringContaining(`the device plugin for ${gpu}: it is not registered at the moment`),
      });
    made.start();
    await on.node.until('one', isReady);
    expect(made.calls).toEqual(['Allocate a']);
  });

  it('a pod that had no devices yet waits for its plugin, too', async () => {
    const made = await on.plugin(gpu, ['a']);
    made.answer = () => {
      throw new PluginError('UNAVAILABLE', 'not now');
    };
    await on.apply('one', asking({ [gpu]: 1 }));
    expect(await on.node.untilHeldUp('one', 'FailedAllocateDevices')).toContain('not now');
    await on.node.kubelet.stop({ removePods: false });
    await made.stop();
    on.node.replaceKubelet();
    await on.node.kubelet.start();
    await expect
      .poll(() => on.node.pod('one')?.status?.message)
      .toContain(`the device plugin for ${gpu}: it is not registered at the moment`);
    made.answer = (ids) => ({ envs: { DEVICES: ids.join() } });
    made.start();
    await on.node.until('one', isReady);
    expect(on.variableOf('one', 'DEVICES')).toBe('a');
  });

  it('with a lost checkpoint nobody gets the devices of a pod that is about to end', async () => {
    await on.plugin(gpu, ['a', 'b']);
    await on.apply('one', asking({ [gpu]: 1 }).replace('terminationGracePeriodSeconds: 0', 'terminationGracePeriodSeconds: 60'));
    await on.node.until('one', isReady);
    const stops = Promise.withResolvers<void>();
    on.node.runtime.faults.set('StopContainer', ({ signal }) => Promise.race([stops.promise, aborted(signal)]));
    await on.remove('one');
    await expect.poll(() => on.node.runtime.calls.filter((call) => call.startsWith('StopContainer')).length).toBe(1);
    await on.node.kubelet.stop({ removePods: false });
    await rm(on.checkpointPath);
    on.node.replaceKubelet();
    await on.node.kubelet.start();
    await expect.poll(() => on.allocatable(gpu)).toBe('2');
    await on.apply('two', asking({ [gpu]: 1 }));
    expect((await on.failed('two'))?.message).toContain('was lost: default/one; end them');
    stops.resolve();
    await expect.poll(() => on.node.pod('one')).toBeUndefined();
    await on.apply('three', asking({ [gpu]: 1 }));
    await on.node.until('three', isReady);
  });

  it('with a checkpoint that nobody can read no device is handed out that somebody may have', async () => {
    await on.plugin(gpu, ['a', 'b']);
    await on.plugin(nic, ['n']);
    await on.apply('one', asking({ [gpu]: 1 }));
    await on.node.until('one', isReady);
    await on.node.kubelet.stop({ removePods: false });
    await writeFile(on.checkpointPath, (await readFile(on.checkpointPath, 'utf8')).slice(0, 50));
    on.node.replaceKubelet();
    await on.node.kubelet.start();
    await expect.poll(() => [on.allocatable(gpu), on.allocatable(nic)]).toEqual(['2', '1']);
    expect(existsSync(`${on.checkpointPath}.broken`)).toBe(true);
    expect(on.events().map(({ message }) => message)).toContainEqual(expect.stringContaining("it can't be read: it isn't JSON"));
    await on.apply('two', asking({ [gpu]: 1 }));
    expect((await on.failed('two'))?.message).toContain('was lost: default/one; end them');
    const { items } = JSON.parse((await on.node.get('/devices')).body);
    expect(items).toHaveLength(2);
    expect(items).toContainEqual({ resource: gpu, registered: true, podsOfUnknown: ['default/one'] });
    expect(items).toContainEqual({ resource: nic, registered: true, podsOfUnknown: [] });
    await on.apply('three', asking({ [nic]: 1 }));
    await on.node.until('three', isReady);
    await on.restartKubelet();
    await expect.poll(() => on.allocatable(gpu)).toBe('2');
    await on.apply('four', asking({ [gpu]: 1 }));
    expect((await on.failed('four'))?.message).toContain('was lost: default/one; end them');
    await on.remove('one');
    await expect.poll(() => on.node.pod('one')).toBeUndefined();
    await on.apply('five', asking({ [gpu]: 2 }));
    await on.node.until('five', isReady);
  });
});
