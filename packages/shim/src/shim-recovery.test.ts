import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@berth/sdk/connect';
import { ContainerState, ImageServiceService, PodSandboxState, PullImageRequest, RuntimeServiceService } from '@berth/sdk/cri';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeCniPlugins } from '../testing/cni-plugins.ts';
import { ShimProcess } from '../testing/shim-process.ts';
import { containerConfig, image, podConfig, TestShim, withoutRoot } from '../testing/test-shim.ts';
import { NamedImages } from './image/named.ts';
import { mountPoints } from './mount-points.ts';

describe('a shim that is started again', () => {
  let shim: TestShim;

  beforeEach(async () => {
    shim = await TestShim.start();
  });

  afterEach(() => shim.close());

  it('finds its sandboxes and containers as they were, and touches none', async () => {
    const podSandboxId = await shim.runPod({ annotations: { note: 'kept' } });
    const running = await shim.runContainer(podSandboxId);
    const created = await shim.createContainer(podSandboxId, { metadata: { name: 'created' } });
    const before = [await shim.podStatus(podSandboxId), await shim.containerStatus(running), await shim.containerStatus(created)];
    shim.host.calls.length = 0;
    await shim.restart();
    expect([await shim.podStatus(podSandboxId), await shim.containerStatus(running), await shim.containerStatus(created)]).toEqual(before);
    expect(shim.host.calls).toEqual(['prepare', 'recover']);
    await shim.runtime.startContainer({ containerId: created });
    await expect(shim.runPod()).rejects.toThrow(/has this name/);
  });

  it('learns how a container ended meanwhile', async () => {
    const podSandboxId = await shim.runPod();
    const id = await shim.runContainer(podSandboxId);
    await shim.stop();
    const child = shim.host.containers.get(id)?.child;
    const ended = new Promise((resolve) => child?.once('exit', resolve));
    child?.kill('SIGTERM');
    await ended;
    await shim.start();
    expect(await shim.containerStatus(id)).toMatchObject({ state: ContainerState.CONTAINER_EXITED, exitCode: 143 });
    expect((await shim.containerStatus(id)).finishedAt).toBeGreaterThan(0n);
  });

  it('says which users of its images there still are', async () => {
    await shim.close();
    const asked: ((user: string) => boolean)[] = [];
    const recover = async (isUser: (user: string) => boolean) => void asked.push(isUser);
    shim = await TestShim.start({ images: (root) => Object.assign(new NamedImages(join(root, 'images')), { recover }) });
    const id = await shim.createContainer(await shim.runPod());
    await shim.restart();
    const isUser = asked.at(-1);
    expect([id, `${id}-volume-0`, 'gone', id.slice(0, 20)].map((user) => isUser?.(user))).toEqual([true, true, false, false]);
  });

  it('takes what the runtime has lost for ended and not ready, until the client removes it', async () => {
    const podSandboxId = await shim.runPod();
    const id = await shim.runContainer(podSandboxId);
    await shim.stop();
    shim.host.dispose();
    shim.host.containers.clear();
    shim.host.sandboxes.clear();
    await shim.start();
    expect((await shim.podStatus(podSandboxId)).state).toBe(PodSandboxState.SANDBOX_NOTREADY);
    expect(await shim.containerStatus(id)).toMatchObject({ state: ContainerState.CONTAINER_EXITED, exitCode: 255 });
    await shim.runtime.removePodSandbox({ podSandboxId });
    expect(shim.leftovers()).toEqual([]);
  });

  it('removes a container whose sandbox has no record any more', async () => {
    const podSandboxId = await shim.runPod();
    await shim.createContainer(podSandboxId);
    await shim.stop();
    await rm(join(shim.root, 'runtimes/process/sandboxes', podSandboxId), { recursive: true });
    shim.host.sandboxes.clear();
    shim.host.containers.clear();
    await shim.start();
    expect(shim.leftovers()).toEqual([]);
  });

  it('refuses records of a newer format, and leaves them alone', async () => {
    const podSandboxId = await shim.runPod();
    await shim.stop();
    const file = join(shim.root, 'runtimes/process/sandboxes', podSandboxId, 'record.json');
    const stored = JSON.parse(await readFile(file, 'utf8'));
    await writeFile(file, JSON.stringify({ ...stored, version: 2 }));
    await expect(shim.start()).rejects.toThrow(/its record has format 2, this shim knows format 1/);
    expect(existsSync(file)).toBe(true);
    await writeFile(file, JSON.stringify(stored));
    await shim.start();
  });
});

describe.skipIf(withoutRoot)(`a shim killed in the middle of${withoutRoot ? ` (${withoutRoot})` : ''}`, () => {
  let directory: string;
  let args: string[];
  let env: Record<string, string>;
  let address: string;

  beforeEach(async () => {
    directory = await realpath(await mkdtemp(join(tmpdir(), 'berth-crash-')));
    address = `unix://${directory}/cri.sock`;
    const { confDir, binDir } = await writeCniPlugins(directory);
    await mkdir(join(directory, 'layer'));
    const places = ['--root', join(directory, 'root'), '--run', join(directory, 'run')];
    args = ['--listen', address, ...places, '--cni-conf-dir', confDir, '--cni-bin-dir', binDir];
    const features = { rootfs: 'mounted', network: true, namespaces: true };
    env = { BERTH_TEST_FEATURES: JSON.stringify(features), BERTH_TEST_LAYER: join(directory, 'layer') };
  });

  afterEach(async () => {
    expect([...(await mountPoints())].filter((point) => point.startsWith(directory))).toEqual([]);
    await rm(directory, { recursive: true });
  });

  /** Kills the shim when it has begun `method` for the calls of a pod's life, and starts it again. */
  async function killedIn(method: string): Promise<ShimProcess> {
    const first = new ShimProcess(args, { ...env, BERTH_TEST_FAULT: `${method}:hangs` });
    await first.printed(/"serving"/);
    const life = podLife().then(
      () => 'whole',
      () => 'cut off',
    );
    await killedWhereItHangs(first);
    expect(await life).toBe('cut off');
    const second = new ShimProcess(args, env);
    await second.printed(/"serving"/);
    return second;
  }

  async function killedWhereItHangs(shim: ShimProcess): Promise<void> {
    await shim.printed(/^reached$/);
    shim.kill('SIGKILL');
    await shim.ended();
  }

  async function podLife(): Promise<void> {
    const runtime = connect(RuntimeServiceService, address, { deadlineMs: 15_000 });
    const images = connect(ImageServiceService, address, { deadlineMs: 15_000 });
    try {
      await images.pullImage(PullImageRequest.fromPartial({ image: { image } }));
      const { podSandboxId } = await runtime.runPodSandbox({ config: podConfig(), runtimeHandler: '' });
      const request = { podSandboxId, config: containerConfig({ command: ['sleep', '3'] }), sandboxConfig: undefined };
      const { containerId } = await runtime.createContainer(request);
      await runtime.startContainer({ containerId });
      await runtime.stopPodSandbox({ podSandboxId });
      await runtime.removePodSandbox({ podSandboxId });
    } finally {
      runtime.close();
      images.close();
    }
  }

  async function objects(): Promise<string[]> {
    const places = ['root/runtimes/process/sandboxes', 'root/runtimes/process/containers', 'run/namespaces/process', 'root/images/users'];
    return (await Promise.all(places.map((place) => readdir(join(directory, place)).catch(() => [])))).flat();
  }

  it('RunPodSandbox removes what was begun', async () => {
    const shim = await killedIn('createSandbox');
    expect(await objects()).toEqual([]);
    expect(await readFile(join(directory, 'bin', 'calls'), 'utf8')).toMatch(/^ADD eth0 .*\nDEL eth0 /);
    shim.kill('SIGTERM');
    expect(await shim.ended()).toBe(0);
  });

  it.each(['stopSandbox', 'removeSandbox'])('the removal of what was begun goes on with it, here in %s', async (method) => {
    const first = new ShimProcess(args, { ...env, BERTH_TEST_FAULT: 'createSandbox:hangs' });
    await first.printed(/"serving"/);
    const life = podLife().catch(() => 'cut off');
    await killedWhereItHangs(first);
    expect(await life).toBe('cut off');
    await killedWhereItHangs(new ShimProcess(args, { ...env, BERTH_TEST_FAULT: `${method}:hangs` }));
    const third = new ShimProcess(args, env);
    await third.printed(/"serving"/);
    expect(await objects()).toEqual([]);
    third.kill('SIGTERM');
    expect(await third.ended()).toBe(0);
  });

  it('serves also where recovery has to wait for what holds no event loop', async () => {
    const shim = new ShimProcess(args, { ...env, BERTH_TEST_FAULT: 'recover:dozes' });
    await shim.printed(/"serving"/);
    shim.kill('SIGTERM');
    expect(await shim.ended()).toBe(0);
  });

  it.each(['createContainer', 'start', 'stopSandbox', 'removeContainer', 'removeSandbox'])(
    '%s can be cleaned up by the client',
    async (method) => {
      const shim = await killedIn(method);
      const runtime = connect(RuntimeServiceService, address, { deadlineMs: 15_000 });
      const { items } = await runtime.listPodSandbox({ filter: undefined });
      const { containers } = await runtime.listContainers({ filter: undefined });
      expect(items).toHaveLength(1);
      expect(containers.filter(({ state }) => state === ContainerState.CONTAINER_RUNNING)).toEqual([]);
      if (method === 'createContainer') expect(containers).toEqual([]);
      await runtime.removePodSandbox({ podSandboxId: items[0]?.id ?? '' });
      expect(await objects()).toEqual([]);
      runtime.close();
      shim.kill('SIGTERM');
      expect(await shim.ended()).toBe(0);
    },
  );
});
