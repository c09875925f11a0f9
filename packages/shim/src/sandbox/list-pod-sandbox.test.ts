import { type PodSandboxFilter, PodSandboxState } from '@berth/sdk/cri';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestShim } from '../../testing/test-shim.ts';

let shim: TestShim;
const ids: Record<'web' | 'db', string> = { web: '', db: '' };

beforeAll(async () => {
  shim = await TestShim.start();
  ids.web = await shim.runPod({ labels: { app: 'shop', tier: 'web' }, annotations: { note: 'a\nb' } });
  ids.db = await shim.runPod({ metadata: { name: 'db', namespace: 'default', uid: 'uid-2' }, labels: { app: 'shop', tier: 'db' } });
  await shim.runtime.stopPodSandbox({ podSandboxId: ids.db });
});

afterAll(() => shim.close());

async function listed(filter: Partial<PodSandboxFilter>): Promise<string[]> {
  const { items } = await shim.runtime.listPodSandbox({ filter: { id: '', state: undefined, labelSelector: {}, ...filter } });
  return items.map(({ metadata }) => metadata?.name ?? '').toSorted();
}

describe('ListPodSandbox', () => {
  it('lists all without a filter, with what the client gave', async () => {
    const { items } = await shim.runtime.listPodSandbox({ filter: undefined });
    expect(items).toHaveLength(2);
    expect(items.find(({ id }) => id === ids.web)).toMatchObject({
      metadata: { name: 'web', namespace: 'default', uid: 'uid-1', attempt: 0 },
      labels: { app: 'shop', tier: 'web' },
      annotations: { note: 'a\nb' },
    });
  });

  it('keeps the order of making, by times that differ, also over a restart', async () => {
    const times = async () => (await shim.runtime.listPodSandbox({ filter: undefined })).items.map(({ createdAt }) => createdAt);
    const before = await times();
    expect(before).toEqual([...new Set(before)].toSorted((a, b) => Number(a - b)));
    await shim.restart();
    expect(await times()).toEqual(before);
  });

  it('filters by id and by the start of one', async () => {
    expect(await listed({ id: ids.web })).toEqual(['web']);
    expect(await listed({ id: ids.web.slice(0, 13) })).toEqual(['web']);
    expect(await listed({ id: '../..' })).toEqual([]);
  });

  it('filters by state', async () => {
    expect(await listed({ state: { state: PodSandboxState.SANDBOX_READY } })).toEqual(['web']);
    expect(await listed({ state: { state: PodSandboxState.SANDBOX_NOTREADY } })).toEqual(['db']);
  });

  it('filters by all of the given labels, and by the parts of a filter together', async () => {
    expect(await listed({ labelSelector: { app: 'shop' } })).toEqual(['db', 'web']);
    expect(await listed({ labelSelector: { app: 'shop', tier: 'db' } })).toEqual(['db']);
    expect(await listed({ labelSelector: { app: 'shop', tier: 'db' }, state: { state: PodSandboxState.SANDBOX_READY } })).toEqual([]);
  });
});
