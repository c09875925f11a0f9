import { randomBytes } from 'node:crypto';
import { createReadStream, readdirSync, statfsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildImage } from '@berth/conformance/image-builder';
import { ImageRegistry } from '@berth/conformance/registry';
import { ContainerState, PodSandboxState } from '@berth/sdk/cri';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SmallDisk } from '../testing/small-disk.ts';
import { TestShim, withoutRoot } from '../testing/test-shim.ts';
import type { PullOptions } from './image/images.ts';
import { LayeredImages } from './image/store.ts';

const exhausted = expect.objectContaining({
  code: 'RESOURCE_EXHAUSTED',
  // An object, and a cure.
  message: expect.stringMatching(/^.+: .+; (make room there|see that its disk has room)/),
});
const other = { metadata: { name: 'other', namespace: 'n', uid: 'u', attempt: 0 } };

describe.skipIf(withoutRoot)(`a server on a full disk${withoutRoot ? ` (${withoutRoot})` : ''}`, () => {
  let shim: TestShim;
  let pod: string;

  beforeEach(async () => {
    shim = await TestShim.start({ smallDisk: true });
    pod = await shim.runPod();
  });

  afterEach(() => shim.close());

  it('refuses a sandbox and a container as RESOURCE_EXHAUSTED, leaves nothing of them, and makes them once there is room', async () => {
    const before = shim.leftovers().toSorted();
    shim.disk?.fill();
    await expect(shim.runPod(other)).rejects.toThrow(exhausted);
    await expect(shim.createContainer(pod)).rejects.toThrow(exhausted);
    expect(shim.leftovers().toSorted()).toEqual(before);
    shim.disk?.free();
    // The names that were refused are free.
    await shim.runPod(other);
    await shim.runContainer(pod);
  });

  it('starts what was created, and finds it running after a restart', async () => {
    const containerId = await shim.createContainer(pod);
    shim.disk?.fill();
    await shim.runtime.startContainer({ containerId });
    expect((await shim.containerStatus(containerId)).state).toBe(ContainerState.CONTAINER_RUNNING);
    await shim.restart();
    expect((await shim.containerStatus(containerId)).state).toBe(ContainerState.CONTAINER_RUNNING);
  });

  it('tells how a container ended, also after a restart with a disk that is still full', async () => {
    const id = await shim.runContainer(pod, { command: ['sh', '-c', 'read line; exit 7'] });
    shim.disk?.fill();
    shim.host.containers.get(id)?.child?.stdin?.write('\n');
    expect(await shim.exited(id)).toMatchObject({ exitCode: 7, reason: 'Error' });
    await shim.restart();
    expect(await shim.exited(id)).toMatchObject({ exitCode: 7, reason: 'Error' });
  });

  it('stops and removes, which is what makes room', async () => {
    const containerId = await shim.runContainer(pod);
    const kept = await shim.runContainer(pod, { metadata: { name: 'kept' } });
    shim.disk?.fill();
    await shim.runtime.stopContainer({ containerId, timeout: 0n });
    await shim.runtime.removeContainer({ containerId });
    await shim.runtime.stopPodSandbox({ podSandboxId: pod });
    expect(await shim.podStatus(pod)).toMatchObject({ state: PodSandboxState.SANDBOX_NOTREADY });
    expect((await shim.containerStatus(kept)).state).toBe(ContainerState.CONTAINER_EXITED);
    await shim.runtime.removePodSandbox({ podSandboxId: pod });
    expect(shim.leftovers()).toEqual([]);
  });

  it('writes down what it could not once there is room, with the next container', async () => {
    const id = await shim.runContainer(pod, { command: ['sh', '-c', 'read line; exit 7'] });
    shim.disk?.fill();
    shim.host.containers.get(id)?.child?.stdin?.write('\n');
    const { finishedAt } = await shim.exited(id);
    shim.disk?.free();
    await shim.createContainer(pod, { metadata: { name: 'next' } });
    // A runtime that has forgotten it would tell nothing: this is from the record.
    shim.host.containers.delete(id);
    await shim.restart();
    expect(await shim.containerStatus(id)).toMatchObject({ exitCode: 7, finishedAt });
  });

  it('commands run, and statistics and lists are answered', async () => {
    const containerId = await shim.runContainer(pod);
    shim.disk?.fill();
    expect(String((await shim.runtime.execSync({ containerId, cmd: ['echo', 'hello'], timeout: 5n })).stdout)).toBe('hello\n');
    expect((await shim.runtime.listContainerStats({ filter: undefined })).stats).toHaveLength(1);
    expect((await shim.runtime.listPodSandbox({ filter: undefined })).items).toHaveLength(1);
    expect((await shim.images.listImages({ filter: undefined })).images).toHaveLength(1);
  });
});

describe.skipIf(withoutRoot)(`images on a full disk${withoutRoot ? ` (${withoutRoot})` : ''}`, () => {
  const options: PullOptions = { auth: undefined, sandbox: undefined };
  const signal = AbortSignal.timeout(60_000);
  let scratch: string;
  let registry: ImageRegistry;
  let name: string;
  let directory: string;
  let disk: SmallDisk;
  let images: LayeredImages;

  beforeEach(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'berth-full-disk-'));
    registry = await ImageRegistry.start();
    const layers = [1, 2, 3].map((index) => [{ type: 'file' as const, path: `file${index}`, content: randomBytes(1_000_000) }]);
    const built = await buildImage({ output: join(scratch, 'image.tar'), names: ['localhost/app:1'], layers });
    name = await registry.add(built.path, 'app', '1');
    directory = await mkdtemp(join(scratch, 'images-'));
    disk = new SmallDisk(directory, '12m');
    images = new LayeredImages(join(directory, 'images'));
  });

  afterEach(async () => {
    disk.unmount();
    await registry.close();
    await rm(scratch, { recursive: true });
  });

  const freeBytes = () => statfsSync(directory).bavail * statfsSync(directory).bsize;
  /** But for the store's lock, which stays so that it can be taken where there is no inode for a new file. */
  const filesBelow = () => {
    const lock = join(directory, 'images', 'lock');
    const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile() && join(entry.parentPath, entry.name) !== lock);
  };

  it.each([
    ['a layer', 0.5],
    ['all layers', 2],
    ['the unpacked layers', 4],
    ['the last unpacked layer', 5.8],
  ])('a pull without room for %s is RESOURCE_EXHAUSTED and gives back what it took; with room it succeeds', async (_, roomMegabytes) => {
    const small = new SmallDisk(directory, `${roomMegabytes * 1_000_000}`);
    try {
      await expect(images.pull(name, options, signal)).rejects.toThrow(exhausted);
      expect(filesBelow().map(({ name: file }) => file)).toEqual([]);
      expect(await images.list()).toEqual([]);
    } finally {
      small.unmount();
    }
    expect(await images.pull(name, options, signal)).toMatch(/^sha256:/);
  });

  it('an image is removed, and its space is free again', async () => {
    const before = freeBytes();
    await images.pull(name, options, signal);
    disk.fill();
    await images.remove(name);
    disk.free();
    expect(await images.list()).toEqual([]);
    expect(before - freeBytes()).toBeLessThan(200_000);
  });

  it('an archive is not written by halves, and one that has to be copied first is not loaded by halves', async () => {
    await images.pull(name, options, signal);
    const archive = join(scratch, 'whole.tar');
    await images.save([name], archive, 'oci', signal);
    await images.remove(name);
    disk.fill();
    for (const source of [archive, createReadStream(archive)]) await expect(images.load(source, {}, signal)).rejects.toThrow(exhausted);
    disk.free();
    expect(filesBelow()).toEqual([]);
    await images.load(archive, {}, signal);
    disk.fill();
    await expect(images.save([name], join(directory, 'saved.tar'), 'oci', signal)).rejects.toThrow(exhausted);
    expect(readdirSync(directory).toSorted()).toEqual(['ballast', 'images']);
  });

  it('a commit that finds no room, for its archive or for its layer, leaves the disk as it was', async () => {
    const imageId = await images.pull(name, options, signal);
    const upper = join(scratch, 'upper');
    await mkdir(upper);
    const ownerInside = ({ uid, gid }: { uid: number; gid: number }) => ({ uid, gid });
    const container = { object: 'container web', imageId, layer: { directory: upper, isLeftOut: () => false, ownerInside } };
    const [free, files] = [freeBytes(), filesBelow().length];
    for (const part of [1.2, 0.6, 0.4]) {
      await writeFile(join(upper, 'data'), randomBytes(Math.floor(free * part)));
      await expect(images.commit(container, 'localhost/new:1', {}, signal)).rejects.toThrow(exhausted);
      expect(filesBelow()).toHaveLength(files);
      expect(await images.list()).toHaveLength(1);
    }
    await writeFile(join(upper, 'data'), randomBytes(1000));
    await images.commit(container, 'localhost/new:1', {}, signal);
    expect(await images.list()).toHaveLength(2);
  });

  it('an image that is there is told, and can be let go of', async () => {
    await images.pull(name, options, signal);
    await images.use(name, 'c1');
    disk.fill();
    expect(await images.status(name)).toMatchObject({ repoTags: [name] });
    await expect(images.use(name, 'c2')).rejects.toThrow(exhausted);
    await images.release('c1');
    await images.remove(name);
  });
});
