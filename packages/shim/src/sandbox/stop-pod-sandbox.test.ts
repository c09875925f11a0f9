import { ContainerState, PodSandboxState } from '@berth/sdk/cri';
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

describe('StopPodSandbox', () => {
  it('succeeds on an unknown id, and on one that is a path', async () => {
    await shim.runtime.stopPodSandbox({ podSandboxId: 'f'.repeat(64) });
    await shim.runtime.stopPodSandbox({ podSandboxId: '../../etc' });
  });

  it('kills the containers in it, and succeeds again', async () => {
    const podSandboxId = await shim.runPod();
    const running = await shim.runContainer(podSandboxId);
    const created = await shim.createContainer(podSandboxId, { metadata: { name: 'never-started' } });
    await shim.runtime.stopPodSandbox({ podSandboxId });
    await shim.runtime.stopPodSandbox({ podSandboxId });
    expect((await shim.podStatus(podSandboxId)).state).toBe(PodSandboxState.SANDBOX_NOTREADY);
    expect(await shim.containerStatus(running)).toMatchObject({ state: ContainerState.CONTAINER_EXITED, exitCode: 137, reason: 'Error' });
    expect(await shim.containerStatus(created)).toMatchObject({ state: ContainerState.CONTAINER_EXITED, startedAt: 0n });
    expect(shim.host.calls.filter((call) => call === 'stopSandbox')).toHaveLength(1);
  });

  it('takes the start of an id', async () => {
    const id = await shim.runPod();
    await shim.runtime.stopPodSandbox({ podSandboxId: id.slice(0, 12) });
    expect((await shim.podStatus(id)).state).toBe(PodSandboxState.SANDBOX_NOTREADY);
  });

  it('fails where the runtime does, and the next one finishes what was begun', async () => {
    const podSandboxId = await shim.runPod();
    shim.host.faults.set('stopSandbox', 'throws');
    await expect(shim.runtime.stopPodSandbox({ podSandboxId })).rejects.toThrow(/stopSandbox is broken/);
    expect((await shim.podStatus(podSandboxId)).state).toBe(PodSandboxState.SANDBOX_NOTREADY);
    shim.host.faults.clear();
    await shim.runtime.stopPodSandbox({ podSandboxId });
    expect(shim.host.calls.filter((call) => call === 'stopSandbox')).toHaveLength(2);
  });

  it('ends a container that is just being created, which leaves nothing', async () => {
    const podSandboxId = await shim.runPod();
    shim.host.faults.set('createContainer', 'hangs');
    const reached = new Promise((resolve) => shim.host.reached.once('createContainer', resolve));
    const creating = shim.createContainer(podSandboxId);
    creating.catch(() => undefined);
    await reached;
    await shim.runtime.stopPodSandbox({ podSandboxId });
    await expect(creating).rejects.toThrow(/it is being stopped/);
    expect(shim.host.containers.size).toBe(0);
    expect((await shim.runtime.listContainers({ filter: undefined })).containers).toEqual([]);
  });

  it('lets no container be created or started afterwards', async () => {
    const podSandboxId = await shim.runPod();
    const containerId = await shim.createContainer(podSandboxId);
    await shim.runtime.stopPodSandbox({ podSandboxId });
    await expect(shim.createContainer(podSandboxId, { metadata: { name: 'late' } })).rejects.toThrow(/it is stopped; run a new sandbox/);
    await expect(shim.runtime.startContainer({ containerId })).rejects.toThrow(/it is exited/);
  });
});
