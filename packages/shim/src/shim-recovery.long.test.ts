import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type Client, connect } from '@berth/sdk/connect';
import { ContainerState, ImageServiceService, PodSandboxState, PullImageRequest, RuntimeServiceService } from '@berth/sdk/cri';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { writeCniPlugins } from '../testing/cni-plugins.ts';
import { ShimProcess } from '../testing/shim-process.ts';
import { containerConfig, image, podConfig, withoutRoot } from '../testing/test-shim.ts';
import { mountPoints } from './mount-points.ts';

/** Longer than the lives of three pods take together. */
const longestLifeMs = 400;

describe.skipIf(withoutRoot)(`a shim that is killed at any moment${withoutRoot ? ` (${withoutRoot})` : ''}`, () => {
  let directory: string;
  let args: string[];
  let env: Record<string, string>;
  let runtime: Client<RuntimeServiceService>;
  let images: Client<ImageServiceService>;

  beforeEach(async () => {
    directory = await realpath(await mkdtemp(join(tmpdir(), 'berth-kill-')));
    const address = `unix://${directory}/cri.sock`;
    const { confDir, binDir } = await writeCniPlugins(directory);
    await mkdir(join(directory, 'layer'));
    const places = ['--root', join(directory, 'root'), '--run', join(directory, 'run')];
    args = ['--listen', address, ...places, '--cni-conf-dir', confDir, '--cni-bin-dir', binDir];
    const features = { rootfs: 'mounted', network: true, namespaces: true };
    env = { BERTH_TEST_FEATURES: JSON.stringify(features), BERTH_TEST_LAYER: join(directory, 'layer') };
    runtime = connect(RuntimeServiceService, address, { deadlineMs: 15_000 });
    images = connect(ImageServiceService, address, { deadlineMs: 15_000 });
  });

  afterEach(async () => {
    runtime.close();
    images.close();
    await rm(directory, { recursive: true });
  });

  async function started(): Promise<ShimProcess> {
    const shim = new ShimProcess(args, env);
    await shim.printed(/"serving"/);
    return shim;
  }

  async function podLife(name: string): Promise<void> {
    await images.pullImage(PullImageRequest.fromPartial({ image: { image } }));
    const config = podConfig({ metadata: { name, namespace: 'default', uid: name } });
    const { podSandboxId } = await runtime.runPodSandbox({ config, runtimeHandler: '' });
    const container = { podSandboxId, config: containerConfig({ command: ['sleep', '1'] }), sandboxConfig: undefined };
    const { containerId } = await runtime.createContainer(container);
    await runtime.startContainer({ containerId });
    await runtime.stopPodSandbox({ podSandboxId });
    await runtime.removePodSandbox({ podSandboxId });
  }

  /** What is below the places of objects, namespaces and holds on images, and mounted there. */
  async function left(): Promise<string[]> {
    const places = ['root/runtimes/process/sandboxes', 'root/runtimes/process/containers', 'run/namespaces/process', 'root/images/users'];
    const entries = await Promise.all(places.map((place) => readdir(join(directory, place)).catch(() => [])));
    return [...entries.flat(), ...[...(await mountPoints())].filter((point) => point.startsWith(directory))];
  }

  it('lists afterwards what was made and nothing half-made, and lets the client remove all of it', async () => {
    const killed = async (afterMs: number): Promise<void> => {
      const first = await started();
      const lives = Promise.allSettled(['a', 'b', 'c'].map(podLife));
      await setTimeout(afterMs);
      first.kill('SIGKILL');
      await first.ended();
      await lives;
      const second = await started();
      const { items } = await runtime.listPodSandbox({ filter: undefined });
      const { containers } = await runtime.listContainers({ filter: undefined });
      // The runtime of the tests dies with its shim: nothing is ready or runs.
      expect(items.filter(({ state }) => state !== PodSandboxState.SANDBOX_NOTREADY)).toEqual([]);
      expect(containers.filter(({ state }) => state !== ContainerState.CONTAINER_EXITED)).toEqual([]);
      const known = new Set(items.map(({ id }) => id));
      expect(containers.filter(({ podSandboxId }) => !known.has(podSandboxId))).toEqual([]);
      for (const { id } of items) await runtime.removePodSandbox({ podSandboxId: id });
      expect(await left()).toEqual([]);
      second.kill('SIGTERM');
      expect(await second.ended()).toBe(0);
    };
    await fc.assert(fc.asyncProperty(fc.nat(longestLifeMs), killed), { numRuns: 30, endOnFailure: true });
  }, 180_000);

  it('serves although what is half-made can not be taken away, and leaves that to the client', async () => {
    const hang = (verb: string): string => join(directory, 'bin', `hang-${verb}`);
    await Promise.all(['ADD', 'DEL'].map((verb) => writeFile(hang(verb), '')));
    const first = await started();
    const life = podLife('a').catch(() => 'cut off');
    await vi.waitFor(() => readFile(join(directory, 'bin', 'calls')), { timeout: 5000 });
    first.kill('SIGKILL');
    await first.ended();
    expect(await life).toBe('cut off');
    const second = await started();
    const { items } = await runtime.listPodSandbox({ filter: undefined });
    expect(items.map(({ state }) => state)).toEqual([PodSandboxState.SANDBOX_NOTREADY]);
    await rm(hang('DEL'));
    await runtime.removePodSandbox({ podSandboxId: items[0]?.id ?? '' });
    expect(await left()).toEqual([]);
    second.kill('SIGTERM');
    expect(await second.ended()).toBe(0);
  }, 60_000);
});
