import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestShim } from '../../testing/test-shim.ts';

let shim: TestShim;
let podSandboxId: string;

beforeEach(async () => {
  shim = await TestShim.start();
  podSandboxId = await shim.runPod();
});

afterEach(async () => {
  expect(shim.host.violations).toEqual([]);
  await shim.close();
});

/** Folders and holds besides those of the sandbox. */
function leftovers(): string[] {
  return shim.leftovers().filter((name) => name !== podSandboxId);
}

describe('RemoveContainer', () => {
  it('succeeds on an unknown id, and on one that is a path', async () => {
    await shim.runtime.removeContainer({ containerId: 'f'.repeat(64) });
    await shim.runtime.removeContainer({ containerId: '../sandboxes' });
  });

  it.each([
    ['created', () => shim.createContainer(podSandboxId)],
    ['running', () => shim.runContainer(podSandboxId)],
    [
      'ended',
      async () => {
        const id = await shim.runContainer(podSandboxId, { command: ['true'] });
        await shim.exited(id);
        return id;
      },
    ],
  ])('removes a %s container, and succeeds again', async (_state, make) => {
    const containerId = await make();
    await shim.runtime.removeContainer({ containerId });
    await shim.runtime.removeContainer({ containerId });
    expect(leftovers()).toEqual([]);
    await expect(shim.containerStatus(containerId)).rejects.toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
  });

  it('takes a container away while its start hangs', async () => {
    const containerId = await shim.createContainer(podSandboxId);
    const release = shim.host.hold('start');
    const reached = once(shim.host.reached, 'start');
    const starting = shim.runtime.startContainer({ containerId });
    await reached;
    const removing = shim.runtime.removeContainer({ containerId });
    await expect.poll(() => shim.host.containers.size).toBe(0);
    release();
    await Promise.allSettled([starting, removing]);
    expect((await shim.runtime.listContainers({ filter: undefined })).containers).toEqual([]);
  });

  it('frees the name', async () => {
    const containerId = await shim.createContainer(podSandboxId);
    await shim.runtime.removeContainer({ containerId });
    expect(await shim.createContainer(podSandboxId)).not.toBe(containerId);
  });

  it('can be tried again after the runtime has failed', async () => {
    const containerId = await shim.runContainer(podSandboxId);
    shim.host.faults.set('removeContainer', 'throws');
    await expect(shim.runtime.removeContainer({ containerId })).rejects.toThrow(/removeContainer is broken/);
    shim.host.faults.clear();
    await shim.runtime.removeContainer({ containerId });
    expect(leftovers()).toEqual([]);
  });

  it('may be called by several at once, and beside a stop', async () => {
    const containerId = await shim.runContainer(podSandboxId);
    const stop = shim.runtime.stopContainer({ containerId, timeout: 5n });
    await Promise.all([stop, ...[1, 2, 3].map(() => shim.runtime.removeContainer({ containerId }))]);
    expect(leftovers()).toEqual([]);
  });
});
