import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ContainerState, PodSandboxState } from '@berth/sdk/cri';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestShim } from '../testing/test-shim.ts';
import type { RuntimeEvent } from './runtime.ts';

let shim: TestShim;
let podSandboxId: string;

beforeEach(async () => {
  shim = await TestShim.start();
  podSandboxId = await shim.runPod();
});

afterEach(() => shim.close());

function tell(event: RuntimeEvent): void {
  shim.host.emitter.emit('event', event);
}

const exit = { exitCode: 3, finishedAt: new Date() };

describe('what a runtime tells of itself', () => {
  it('is let pass where it is about objects that are not there', async () => {
    const containerId = await shim.runContainer(podSandboxId);
    tell({ type: 'exited', containerId: 'f'.repeat(64), exit });
    tell({ type: 'exited', containerId: '../../etc', exit });
    tell({ type: 'oom', containerId: 'f'.repeat(64) });
    tell({ type: 'sandboxGone', sandboxId: 'f'.repeat(64), message: 'gone' });
    tell({ type: 'exited', containerId, exit });
    await expect.poll(() => shim.containerStatus(containerId)).toMatchObject({ state: ContainerState.CONTAINER_EXITED, exitCode: 3 });
  });

  it('counts once: a second report of the same end changes nothing', async () => {
    const first = await shim.runContainer(podSandboxId);
    const second = await shim.runContainer(podSandboxId, { metadata: { name: 'second' } });
    const finishedAt = new Date(Date.now() + 1000);
    tell({ type: 'exited', containerId: first, exit: { exitCode: 3, finishedAt } });
    tell({ type: 'exited', containerId: first, exit: { exitCode: 9, finishedAt: new Date(Date.now() + 2000) } });
    tell({ type: 'exited', containerId: second, exit });
    await expect.poll(async () => (await shim.containerStatus(second)).state).toBe(ContainerState.CONTAINER_EXITED);
    expect(await shim.containerStatus(first)).toMatchObject({ exitCode: 3, finishedAt: BigInt(finishedAt.getTime()) * 1_000_000n });
  });

  it('is kept of a container that ends before its start has returned', async () => {
    const containerId = await shim.createContainer(podSandboxId, { command: ['sh', '-c', 'exit 5'] });
    const release = shim.host.hold('start');
    const starting = shim.runtime.startContainer({ containerId });
    await expect.poll(async () => (await shim.containerStatus(containerId)).state).toBe(ContainerState.CONTAINER_EXITED);
    release();
    await starting;
    const { state, exitCode, startedAt, finishedAt } = await shim.containerStatus(containerId);
    expect({ state, exitCode }).toEqual({ state: ContainerState.CONTAINER_EXITED, exitCode: 5 });
    expect(startedAt).toBeGreaterThan(0n);
    expect(startedAt).toBeLessThanOrEqual(finishedAt);
  });

  it('is kept of a container that ends before its making has returned', async () => {
    const release = shim.host.hold('createContainer');
    const creating = shim.createContainer(podSandboxId);
    await once(shim.host.reached, 'createContainer');
    const [containerId = ''] = shim.host.containers.keys();
    tell({ type: 'exited', containerId, exit });
    await expect.poll(async () => (await shim.containerStatus(containerId)).state).toBe(ContainerState.CONTAINER_EXITED);
    release();
    expect(await creating).toBe(containerId);
    await expect(shim.runtime.startContainer({ containerId })).rejects.toThrow(/it is exited/);
  });

  describe('when a sandbox is gone by itself', () => {
    it('makes it not ready, and ends its containers with the reason', async () => {
      const containerId = await shim.runContainer(podSandboxId);
      tell({ type: 'sandboxGone', sandboxId: podSandboxId, message: 'the machine died' });
      await expect.poll(async () => (await shim.podStatus(podSandboxId)).state).toBe(PodSandboxState.SANDBOX_NOTREADY);
      await expect
        .poll(() => shim.containerStatus(containerId))
        .toMatchObject({ state: ContainerState.CONTAINER_EXITED, exitCode: 255, message: 'the machine died' });
      await shim.runtime.removePodSandbox({ podSandboxId });
      expect(shim.leftovers()).toEqual([]);
    });

    it('fails the making of one that has not been told of yet, and leaves nothing of it', async () => {
      const release = shim.host.hold('createSandbox');
      const made = shim.runPod({ metadata: { name: 'short', namespace: 'n', uid: 'u', attempt: 0 } }).catch((error: unknown) => error);
      await once(shim.host.reached, 'createSandbox');
      const known = readdirSync(join(shim.directory, 'root/runtimes/process/sandboxes'));
      const sandboxId = known.find((name) => name !== podSandboxId) ?? '';
      tell({ type: 'sandboxGone', sandboxId, message: 'the machine died' });
      // Told in their order: once this has come, that has.
      const containerId = await shim.runContainer(podSandboxId);
      tell({ type: 'exited', containerId, exit });
      await expect.poll(async () => (await shim.containerStatus(containerId)).state).toBe(ContainerState.CONTAINER_EXITED);
      release();
      expect(await made).toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('it ended while it was being made') });
      expect((await shim.runtime.listPodSandbox({ filter: undefined })).items).toHaveLength(1);
    });

    it('ends a StopPodSandbox that waits for its containers', async () => {
      await shim.runContainer(podSandboxId);
      shim.host.faults.set('signal', 'does nothing');
      const signalled = once(shim.host.reached, 'signal');
      const stopping = shim.runtime.stopPodSandbox({ podSandboxId });
      await signalled;
      tell({ type: 'sandboxGone', sandboxId: podSandboxId, message: 'the machine died' });
      await stopping;
    });

    it('leaves nothing of a container that is just being created', async () => {
      const release = shim.host.hold('createContainer');
      const creating = shim.createContainer(podSandboxId).catch((error: unknown) => error);
      await once(shim.host.reached, 'createContainer');
      tell({ type: 'sandboxGone', sandboxId: podSandboxId, message: 'the machine died' });
      await expect.poll(async () => (await shim.podStatus(podSandboxId)).state).toBe(PodSandboxState.SANDBOX_NOTREADY);
      release();
      expect(await creating).toMatchObject({ code: 'FAILED_PRECONDITION' });
      expect(shim.host.containers.size).toBe(0);
    });
  });
});
