import { setTimeout as sleep } from 'node:timers/promises';
import { ContainerState } from '@berth/sdk/cri';
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

describe('StartContainer', () => {
  it('lets a created container run', async () => {
    const id = await shim.runContainer(podSandboxId);
    const status = await shim.containerStatus(id);
    expect(status.state).toBe(ContainerState.CONTAINER_RUNNING);
    expect(status.startedAt).toBeGreaterThanOrEqual(status.createdAt);
    expect(status.finishedAt).toBe(0n);
  });

  it.each([
    [0, 'Completed'],
    [3, 'Error'],
  ])('learns exit code %i as %s', async (exitCode, reason) => {
    const id = await shim.runContainer(podSandboxId, { command: ['sh', '-c', `exit ${exitCode}`] });
    const status = await shim.exited(id);
    expect(status).toMatchObject({ exitCode, reason });
    expect(status.startedAt).toBeGreaterThan(0n);
    expect(status.finishedAt).toBeGreaterThanOrEqual(status.startedAt);
  });

  it('is NOT_FOUND for an unknown container', async () => {
    await expect(shim.runtime.startContainer({ containerId: 'f'.repeat(64) })).rejects.toThrow(
      expect.objectContaining({ code: 'NOT_FOUND' }),
    );
  });

  it('refuses a container that runs, and one that has ended', async () => {
    const containerId = await shim.runContainer(podSandboxId);
    await expect(shim.runtime.startContainer({ containerId })).rejects.toThrow(/container main .*it is running; create a new container/);
    await shim.runtime.stopContainer({ containerId, timeout: 0n });
    await expect(shim.runtime.startContainer({ containerId })).rejects.toThrow(/it is exited/);
  });

  it('says why one could not be started, which has ended then', async () => {
    const containerId = await shim.createContainer(podSandboxId, { command: ['/no/such/program'] });
    await expect(shim.runtime.startContainer({ containerId })).rejects.toThrow(/no\/such\/program/);
    expect(await shim.containerStatus(containerId)).toMatchObject({
      state: ContainerState.CONTAINER_EXITED,
      exitCode: 128,
      reason: 'StartError',
      message: expect.stringContaining('/no/such/program'),
      startedAt: 0n,
    });
    expect(shim.host.containers.size).toBe(0);
  });

  describe('while it hangs', () => {
    let containerId: string;
    let starting: Promise<unknown>;
    const call = new AbortController();

    beforeEach(async () => {
      containerId = await shim.createContainer(podSandboxId);
      shim.host.faults.set('start', 'hangs');
      const reached = new Promise((resolve) => shim.host.reached.once('start', resolve));
      starting = shim.runtime.startContainer({ containerId }, { signal: call.signal }).catch(() => 'ended');
      await reached;
    });

    afterEach(async () => {
      await shim.runtime.stopPodSandbox({ podSandboxId });
      expect(await starting).toBe('ended');
    });

    it('can be stopped', async () => {
      await shim.runtime.stopContainer({ containerId, timeout: 0n });
      expect((await shim.containerStatus(containerId)).state).toBe(ContainerState.CONTAINER_EXITED);
    });

    it('goes on when the caller has gone, as a kubelet that is killed', async () => {
      call.abort();
      await starting;
      await sleep(200);
      expect((await shim.containerStatus(containerId)).state).toBe(ContainerState.CONTAINER_CREATED);
    });
  });
});
