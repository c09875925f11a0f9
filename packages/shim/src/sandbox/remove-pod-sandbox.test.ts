import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestShim } from '../../testing/test-shim.ts';

let shim: TestShim;

beforeEach(async () => {
  shim = await TestShim.start();
});

afterEach(async () => {
  expect(shim.host.violations).toEqual([]);
  await shim.close();
});

describe('RemovePodSandbox', () => {
  it('succeeds on an unknown id, and on one that is a path', async () => {
    await shim.runtime.removePodSandbox({ podSandboxId: 'f'.repeat(64) });
    await shim.runtime.removePodSandbox({ podSandboxId: '../../../../tmp' });
  });

  it('removes a running sandbox with its containers, and succeeds again', async () => {
    const podSandboxId = await shim.runPod();
    await shim.runContainer(podSandboxId);
    await shim.createContainer(podSandboxId, { metadata: { name: 'never-started' } });
    await shim.runtime.removePodSandbox({ podSandboxId });
    await shim.runtime.removePodSandbox({ podSandboxId });
    expect(shim.leftovers()).toEqual([]);
    await expect(shim.podStatus(podSandboxId)).rejects.toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
  });

  it('frees the name of the pod', async () => {
    const podSandboxId = await shim.runPod();
    await shim.runtime.removePodSandbox({ podSandboxId });
    expect(await shim.runPod()).not.toBe(podSandboxId);
  });

  it.each(['stopSandbox', 'removeSandbox', 'removeContainer'] as const)('can be tried again after %s has failed', async (method) => {
    const podSandboxId = await shim.runPod();
    await shim.runContainer(podSandboxId);
    shim.host.faults.set(method, 'throws');
    await expect(shim.runtime.removePodSandbox({ podSandboxId })).rejects.toThrow(`${method} is broken`);
    shim.host.faults.clear();
    await shim.runtime.removePodSandbox({ podSandboxId });
    expect(shim.leftovers()).toEqual([]);
  });

  it('may be called by several at once', async () => {
    const podSandboxId = await shim.runPod();
    await shim.runContainer(podSandboxId);
    await Promise.all([1, 2, 3].map(() => shim.runtime.removePodSandbox({ podSandboxId })));
    expect(shim.leftovers()).toEqual([]);
  });
});
