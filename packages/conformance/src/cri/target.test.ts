import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ImageServiceService, RuntimeServiceService } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { type Implementation, type Served, serve } from '@berth/sdk/serve';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SkipCase } from '../suite.ts';
import { runCriSuite } from './suite.ts';
import { CriTarget } from './target.ts';

type Runtime = Implementation<RuntimeServiceService>;

const conditions = { conditions: [{ type: 'RuntimeReady', status: true, reason: '', message: '' }] };
const old: Runtime = {
  version: () => ({ version: '0.1.0', runtimeName: 'test', runtimeVersion: '1.0.0', runtimeApiVersion: 'v1' }),
  status: () => ({ status: conditions, info: {}, runtimeHandlers: [], features: undefined }),
};

/** Images that can be pulled and not removed, and which were to be. */
function imagesInUse(): { images: Implementation<ImageServiceService>; removed: string[] } {
  const removed: string[] = [];
  const images: Implementation<ImageServiceService> = {
    imageStatus: () => ({ image: undefined, info: {} }),
    pullImage: () => ({ imageRef: 'x' }),
    removeImage: ({ image }) => {
      removed.push(image?.image ?? '');
      throw new PluginError('FAILED_PRECONDITION', 'it is in use');
    },
  };
  return { images, removed };
}

describe('CriTarget', () => {
  let directory: string;
  let undo: (() => Promise<void>)[];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-target-'));
    undo = [() => rm(directory, { recursive: true, force: true })];
  });
  afterEach(async () => {
    for (const step of undo.reverse()) await step();
  });

  /** A target over a server with this implementation. */
  async function open(runtime: Runtime, images: Implementation<ImageServiceService> = {}): Promise<CriTarget> {
    const endpoint = `unix://${join(directory, 'cri.sock')}`;
    const served: Served = await serve(endpoint, [
      [RuntimeServiceService, runtime],
      [ImageServiceService, images],
    ]);
    undo.push(() => served.close(0));
    const target = await CriTarget.open({ runtimeEndpoint: endpoint }, {});
    undo.push(() => target.close());
    return target;
  }

  it('is refused by a server that takes connections and never answers', async () => {
    const path = join(directory, 'silent.sock');
    const silent = createServer((socket) => undo.push(async () => void socket.destroy())).listen(path);
    undo.push(async () => void silent.close());
    await once(silent, 'listening');
    await expect(CriTarget.open({ runtimeEndpoint: `unix://${path}` }, {}, 50)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  it('ends a case at a call that hangs, and judges the others', async () => {
    const listPodSandbox: Runtime['listPodSandbox'] = () => new Promise(() => undefined);
    const listContainers: Runtime['listContainers'] = () => ({ containers: [] });
    const target = await open({ ...old, listPodSandbox, listContainers });
    const [focus, timeFactor] = [/^(filter\.unknown-ids|runtime\.version)$/, 0.005];
    const { cases } = await runCriSuite({ ...target.options, images: {} }, { focus, timeFactor, parallel: 1 });
    expect(cases).toMatchObject([
      { id: 'runtime.version', result: 'passed' },
      { id: 'filter.unknown-ids', result: 'failed', reason: expect.stringContaining('not done within 300 ms') },
    ]);
  });

  it('tells in the report what it could not remove', async () => {
    const { images, removed } = imagesInUse();
    const { options } = await open(old, images);
    const report = await runCriSuite({ ...options, images: { shell: 'shell:1' } }, { focus: /^image\.list$/ });
    expect(report).toMatchObject({ leftBehind: expect.stringContaining('it is in use') });
    expect(removed).toEqual(['shell:1']);
  });

  it('is closed when the run breaks off, which throws what broke it off', async () => {
    const { images, removed } = imagesInUse();
    const { options } = await open(old, images);
    const broken = new Error('the report is full');
    const onCase = () => {
      throw broken;
    };
    await expect(runCriSuite({ ...options, images: { shell: 'shell:1' } }, { focus: /^image\.list$/, onCase })).rejects.toBe(broken);
    expect(removed).toEqual(['shell:1']);
  });

  it('takes a server that answers only the first RPCs for one of the first release', async () => {
    expect((await open(old)).apiRelease).toBe('0.23');
  });

  it('takes the newest RPC that is answered, and the newest field that is filled, as the release', async () => {
    const runtimeConfig: Runtime['runtimeConfig'] = () => ({ linux: undefined });
    expect((await open({ ...old, runtimeConfig })).apiRelease).toBe('0.28');
  });

  it('takes an RPC that is answered with an error for one that is known', async () => {
    const updatePodSandboxResources: Runtime['updatePodSandboxResources'] = () => {
      throw new PluginError('NOT_FOUND', 'there is none');
    };
    expect((await open({ ...old, updatePodSandboxResources })).apiRelease).toBe('0.33');
  });

  it('excuses an RPC that is newer than the API, and no older one', async () => {
    const { client, coverage } = await open(old).then((target) => ({ client: target.client, coverage: () => target.coverage() }));
    await expect(client.UpdatePodSandboxResources({ podSandboxId: 'x' })).rejects.toThrow(SkipCase);
    await expect(client.ContainerStats({ containerId: 'x' })).rejects.toMatchObject({ code: 'UNIMPLEMENTED' });
    const streamed = client.StreamImages({})[Symbol.asyncIterator]();
    await expect(streamed.next()).rejects.toThrow(/StreamImages, which is newer \(cri-api 0\.36\)/);
    expect(coverage().rpcs.filter(({ covered }) => covered)).toEqual([]);
  });

  it('covers RPCs that were answered, and the fields that went over the wire with a value', async () => {
    const target = await open(old);
    await target.client.Version({ version: 'v1' });
    await target.client.Status({});
    const { rpcs, messages } = target.coverage();
    expect(rpcs.filter(({ covered }) => covered).map(({ name }) => name)).toEqual(['Version', 'Status']);
    const covered = Object.fromEntries(
      messages.filter((message) => message.covered.length > 0).map((message) => [message.name, message.covered]),
    );
    expect(covered).toEqual({
      VersionRequest: ['version'],
      VersionResponse: ['version', 'runtime_name', 'runtime_version', 'runtime_api_version'],
      StatusResponse: ['status'],
      RuntimeStatus: ['conditions'],
      RuntimeCondition: ['type', 'status'],
    });
  });
});
