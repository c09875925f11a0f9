import { existsSync } from 'node:fs';
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

/** A script that says when its trap is set, by making a file. */
async function runTrapping(trap: string): Promise<string> {
  const ready = `${shim.directory}/ready`;
  const script = `trap '${trap}' TERM; touch ${ready}; while :; do sleep 0.02; done`;
  const id = await shim.runContainer(podSandboxId, { command: ['sh', '-c', script] });
  await expect.poll(() => existsSync(ready)).toBe(true);
  return id;
}

describe('StopContainer', () => {
  it('succeeds on an unknown id, on one that is a path, and again', async () => {
    await shim.runtime.stopContainer({ containerId: 'f'.repeat(64), timeout: 10n });
    await shim.runtime.stopContainer({ containerId: '../../etc', timeout: 10n });
    const containerId = await shim.runContainer(podSandboxId);
    await shim.runtime.stopContainer({ containerId, timeout: 0n });
    await shim.runtime.stopContainer({ containerId, timeout: 0n });
  });

  it('lets the process end by itself within the timeout', async () => {
    const containerId = await runTrapping('exit 7');
    await shim.runtime.stopContainer({ containerId, timeout: 15n });
    expect(await shim.containerStatus(containerId)).toMatchObject({ state: ContainerState.CONTAINER_EXITED, exitCode: 7 });
  });

  it('kills a process that is deaf to the signal after the timeout, not before', async () => {
    const containerId = await runTrapping('');
    const before = performance.now();
    await shim.runtime.stopContainer({ containerId, timeout: 1n });
    expect(performance.now() - before).toBeGreaterThan(990);
    expect((await shim.containerStatus(containerId)).exitCode).toBe(137);
  });

  it('kills at once with timeout 0', async () => {
    const containerId = await runTrapping('exit 7');
    await shim.runtime.stopContainer({ containerId, timeout: 0n });
    expect((await shim.containerStatus(containerId)).exitCode).toBe(137);
  });

  it('may be overtaken by a stop with less patience', async () => {
    const containerId = await runTrapping('');
    const patient = shim.runtime.stopContainer({ containerId, timeout: 600n });
    await shim.runtime.stopContainer({ containerId, timeout: 0n });
    await patient;
    expect((await shim.containerStatus(containerId)).exitCode).toBe(137);
  });

  it('ends a container that was never started', async () => {
    const containerId = await shim.createContainer(podSandboxId);
    await shim.runtime.stopContainer({ containerId, timeout: 10n });
    expect((await shim.containerStatus(containerId)).state).toBe(ContainerState.CONTAINER_EXITED);
  });

  it('fails where the runtime does, and can be tried again', async () => {
    const containerId = await shim.runContainer(podSandboxId);
    shim.host.faults.set('signal', 'throws');
    await expect(shim.runtime.stopContainer({ containerId, timeout: 0n })).rejects.toThrow(/signal is broken/);
    shim.host.faults.clear();
    await shim.runtime.stopContainer({ containerId, timeout: 0n });
  });
});
