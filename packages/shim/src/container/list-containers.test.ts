import { type ContainerFilter, ContainerState } from '@berth/sdk/cri';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestShim } from '../../testing/test-shim.ts';

let shim: TestShim;
let pods: [string, string];
let running: string;

beforeAll(async () => {
  shim = await TestShim.start();
  pods = [await shim.runPod(), await shim.runPod({ metadata: { name: 'db', namespace: 'default', uid: 'uid-2' } })];
  running = await shim.runContainer(pods[0], { metadata: { name: 'running' }, labels: { app: 'shop', tier: 'web' } });
  await shim.createContainer(pods[1], { metadata: { name: 'created' }, labels: { app: 'shop' }, annotations: { note: 'x' } });
});

afterAll(() => shim.close());

async function listed(filter: Partial<ContainerFilter>): Promise<string[]> {
  const whole = { id: '', state: undefined, podSandboxId: '', labelSelector: {}, ...filter };
  const { containers } = await shim.runtime.listContainers({ filter: whole });
  return containers.map(({ metadata }) => metadata?.name ?? '').toSorted();
}

describe('ListContainers', () => {
  it('lists all without a filter, with what the client gave', async () => {
    const { containers } = await shim.runtime.listContainers({ filter: undefined });
    expect(containers).toHaveLength(2);
    expect(containers.find(({ podSandboxId }) => podSandboxId === pods[1])).toMatchObject({
      metadata: { name: 'created' },
      labels: { app: 'shop' },
      annotations: { note: 'x' },
    });
  });

  it('filters by id, state, sandbox and labels', async () => {
    expect(await listed({ id: running.slice(0, 13) })).toEqual(['running']);
    expect(await listed({ state: { state: ContainerState.CONTAINER_CREATED } })).toEqual(['created']);
    expect(await listed({ podSandboxId: pods[0].slice(0, 13) })).toEqual(['running']);
    expect(await listed({ labelSelector: { app: 'shop' } })).toEqual(['created', 'running']);
    expect(await listed({ labelSelector: { app: 'shop', tier: 'web' } })).toEqual(['running']);
  });

  it('filters by all parts of a filter together', async () => {
    expect(await listed({ podSandboxId: pods[0], state: { state: ContainerState.CONTAINER_CREATED } })).toEqual([]);
  });
});
