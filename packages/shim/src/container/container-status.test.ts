import { ContainerState, Signal } from '@berth/sdk/cri';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { image, TestShim } from '../../testing/test-shim.ts';

let shim: TestShim;
let podSandboxId: string;

beforeAll(async () => {
  shim = await TestShim.start();
  podSandboxId = await shim.runPod({ logDirectory: `${shim.directory}/logs` });
});

afterAll(() => shim.close());

describe('ContainerStatus', () => {
  it('says what was asked for, unaltered, and the image by the id that PullImage gave', async () => {
    const mounts = [{ containerPath: '/v', hostPath: '/tmp', readonly: true }];
    const id = await shim.createContainer(podSandboxId, {
      labels: { app: 'web' },
      annotations: { 'example.com/json': '{"a": 1}', 'example.com/empty': '' },
      logPath: 'main/0.log',
      mounts,
      linux: { resources: { memoryLimitInBytes: 1_000_000n, cpuShares: 512n }, securityContext: { runAsUser: { value: 7n } } },
    });
    const { images } = await shim.images.listImages({ filter: undefined });
    expect(await shim.containerStatus(id)).toMatchObject({
      id,
      state: ContainerState.CONTAINER_CREATED,
      metadata: { name: 'main', attempt: 0 },
      image: { image },
      imageId: images[0]?.id,
      imageRef: images[0]?.id,
      labels: { app: 'web' },
      annotations: { 'example.com/json': '{"a": 1}', 'example.com/empty': '' },
      mounts,
      logPath: `${shim.directory}/logs/main/0.log`,
      resources: { linux: { memoryLimitInBytes: 1_000_000n, cpuShares: 512n } },
      user: { linux: { uid: 7n, gid: 0n, supplementalGroups: [0n] } },
      stopSignal: Signal.SIGTERM,
      startedAt: 0n,
      finishedAt: 0n,
    });
  });

  it('takes the start of an id, and says so when it is not unique', async () => {
    const ids = new Map<string, string>();
    for (let attempt = 1; ; attempt++) {
      const id = await shim.createContainer(podSandboxId, { metadata: { name: 'many', attempt } });
      const first = id.slice(0, 1);
      if (ids.has(first)) {
        expect((await shim.containerStatus(id.slice(0, 40))).id).toBe(id);
        await expect(shim.containerStatus(first)).rejects.toThrow(/ids start with it; give more digits/);
        return;
      }
      ids.set(first, id);
    }
  });

  it('tells an OOM kill from another', async () => {
    const id = await shim.runContainer(podSandboxId, { metadata: { name: 'oom' } });
    const exit = { exitCode: 137, finishedAt: new Date(), reason: 'OOMKilled' };
    shim.host.emitter.emit('event', { type: 'exited', containerId: id, exit });
    await expect.poll(async () => (await shim.containerStatus(id)).reason).toBe('OOMKilled');
  });

  it('takes the first report of an end, and drops what is repeated', async () => {
    const id = await shim.runContainer(podSandboxId, { metadata: { name: 'repeated' }, command: ['sh', '-c', 'exit 3'] });
    const first = await shim.exited(id);
    shim.host.emitter.emit('event', { type: 'exited', containerId: id, exit: { exitCode: 9, finishedAt: new Date() } });
    shim.host.emitter.emit('event', { type: 'oom', containerId: id });
    expect(await shim.containerStatus(id)).toEqual(first);
  });

  it.each(['', 'f'.repeat(64), '../../etc/passwd'])('is NOT_FOUND for %j', async (id) => {
    await expect(shim.containerStatus(id)).rejects.toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
  });
});
