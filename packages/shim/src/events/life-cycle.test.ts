import { type ContainerEventResponse, ContainerEventType, ContainerState, PodSandboxState } from '@berth/sdk/cri';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collect } from '../../testing/collect.ts';
import { TestShim } from '../../testing/test-shim.ts';

let shim: TestShim;
let ending: AbortController;

beforeEach(async () => {
  shim = await TestShim.start();
  ending = new AbortController();
});

afterEach(async () => {
  ending.abort();
  await shim.close();
});

/** The first `count` events from now on. */
function listen(count: number): Promise<ContainerEventResponse[]> {
  return collect(shim.runtime.getContainerEvents({}, { signal: ending.signal }), count);
}

function name({ containerId, containerEventType, podSandboxStatus }: ContainerEventResponse): string {
  const type = Object.entries(ContainerEventType).find(([, number]) => number === containerEventType)?.[0] ?? '';
  return `${containerId === podSandboxStatus?.id ? 'pod' : 'container'} ${type.split('_')[1]}`;
}

describe('GetContainerEvents', () => {
  it('tells of a pod from its making to its removal, with the statuses after each event', async () => {
    const events = listen(8);
    const podSandboxId = await shim.runPod();
    const containerId = await shim.runContainer(podSandboxId);
    await shim.runtime.stopPodSandbox({ podSandboxId });
    await shim.runtime.removePodSandbox({ podSandboxId });
    const told = await events;
    expect(told.map(name)).toEqual([
      'pod CREATED',
      'pod STARTED',
      'container CREATED',
      'container STARTED',
      'container STOPPED',
      'pod STOPPED',
      'container DELETED',
      'pod DELETED',
    ]);
    expect(told.map(({ containersStatuses }) => containersStatuses.map(({ state }) => state))).toEqual([
      [],
      [],
      [ContainerState.CONTAINER_CREATED],
      [ContainerState.CONTAINER_RUNNING],
      [ContainerState.CONTAINER_EXITED],
      [ContainerState.CONTAINER_EXITED],
      [],
      [],
    ]);
    expect(told[3]?.containersStatuses[0]?.id).toBe(containerId);
    const states = told.map(({ podSandboxStatus }) => podSandboxStatus?.state);
    expect(states[1]).toBe(PodSandboxState.SANDBOX_READY);
    expect(states[5]).toBe(PodSandboxState.SANDBOX_NOTREADY);
    expect(told.every(({ podSandboxStatus }) => podSandboxStatus?.metadata?.uid === 'uid-1')).toBe(true);
  });

  it('tells the start before the end of a container that ended while it was being started', async () => {
    const podSandboxId = await shim.runPod();
    const events = listen(3);
    const containerId = await shim.createContainer(podSandboxId, { command: ['true'] });
    const letGo = shim.host.hold('start');
    const started = shim.runtime.startContainer({ containerId });
    await shim.exited(containerId);
    letGo();
    await started;
    expect((await events).map(name)).toEqual(['container CREATED', 'container STARTED', 'container STOPPED']);
  });

  it('tells every listener, and of a machine that died the end of its containers, then once its own', async () => {
    const podSandboxId = await shim.runPod();
    await shim.runContainer(podSandboxId);
    const listeners = [listen(2), listen(2)];
    await shim.podStatus(podSandboxId);
    shim.host.emitter.emit('event', { type: 'sandboxGone', sandboxId: podSandboxId, message: 'it panicked' });
    for (const events of listeners) expect((await events).map(name)).toEqual(['container STOPPED', 'pod STOPPED']);
    const later = listen(2);
    await shim.runtime.stopPodSandbox({ podSandboxId });
    await shim.runtime.removePodSandbox({ podSandboxId });
    expect((await later).map(name)).toEqual(['container DELETED', 'pod DELETED']);
  });

  it('says nothing of a container whose making failed, and leaves nothing', async () => {
    const podSandboxId = await shim.runPod();
    shim.host.faults.set('createContainer', 'throws');
    const events = listen(1);
    await expect(shim.createContainer(podSandboxId)).rejects.toThrow(/broken/);
    await shim.runtime.stopPodSandbox({ podSandboxId });
    expect((await events).map(name)).toEqual(['pod STOPPED']);
  });
});

describe('PodSandboxStatus', () => {
  it("has its containers' statuses, and the time that they were taken", async () => {
    const podSandboxId = await shim.runPod();
    const containerId = await shim.runContainer(podSandboxId);
    const before = BigInt(Date.now()) * 1_000_000n;
    const { containersStatuses, timestamp } = await shim.runtime.podSandboxStatus({ podSandboxId, verbose: false });
    expect(containersStatuses).toMatchObject([{ id: containerId, state: ContainerState.CONTAINER_RUNNING }]);
    expect(timestamp).toBeGreaterThanOrEqual(before);
  });
});
