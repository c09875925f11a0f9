import { Container, type ContainerFilter, PodSandbox } from '@berth/sdk/cri';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collect } from '../testing/collect.ts';
import { TestShim } from '../testing/test-shim.ts';
import { inBatches } from './streamed-list.ts';

describe('inBatches', () => {
  const large = (id: string) => Container.fromPartial({ id, annotations: { note: 'x'.repeat(600_000) } });

  it('keeps messages small, in order, each item once', async () => {
    const batches = await collect(inBatches(['a', 'b', 'c', 'd', 'e'].map(large), Container));
    expect(batches.map((batch) => batch.map(({ id }) => id))).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
  });

  it('gives no message for an empty list', async () => {
    expect(await collect(inBatches([], PodSandbox))).toEqual([]);
  });
});

describe('the Stream* lists', () => {
  let shim: TestShim;
  let pod: string;
  const anyContainer: ContainerFilter = { id: '', state: undefined, podSandboxId: '', labelSelector: {} };

  beforeAll(async () => {
    shim = await TestShim.start();
    pod = await shim.runPod();
    for (const name of ['a', 'b', 'c']) await shim.createContainer(pod, { metadata: { name }, labels: { app: name } });
  });

  afterAll(() => shim.close());

  it('give what the lists give, filters too', async () => {
    const { runtime, images } = shim;
    for (const filter of [undefined, { ...anyContainer, labelSelector: { app: 'b' } }, { ...anyContainer, podSandboxId: 'none' }]) {
      const streamed = await collect(runtime.streamContainers({ filter }));
      expect(streamed.flatMap(({ containers }) => containers)).toEqual((await runtime.listContainers({ filter })).containers);
    }
    for (const filter of [undefined, { id: pod.slice(0, 12), state: undefined, labelSelector: {} }]) {
      const streamed = await collect(runtime.streamPodSandboxes({ filter }));
      expect(streamed.flatMap(({ podSandboxes }) => podSandboxes)).toEqual((await runtime.listPodSandbox({ filter })).items);
    }
    const streamed = await collect(images.streamImages({ filter: undefined }));
    expect(streamed.flatMap((message) => message.images)).toEqual((await images.listImages({ filter: undefined })).images);
  });

  it('end without a message where nothing matches', async () => {
    const filter = { ...anyContainer, id: '../..' };
    expect(await collect(shim.runtime.streamContainers({ filter }))).toEqual([]);
  });
});
