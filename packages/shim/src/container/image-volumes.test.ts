import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MountPropagation } from '@berth/sdk/cri';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { image, TestShim, withoutRoot } from '../../testing/test-shim.ts';
import { NamedImages } from '../image/named.ts';
import { mountPoints } from '../mount-points.ts';

/** Images that are names, all of the same one layer. */
class DataImages extends NamedImages {
  readonly #layer: string;

  constructor(root: string) {
    super(join(root, 'images'));
    this.#layer = join(root, 'layer');
  }

  override async use(reference: string, user: string) {
    const used = await super.use(reference, user);
    if (!existsSync(this.#layer)) {
      await mkdir(join(this.#layer, 'models/v2'), { recursive: true });
      await writeFile(join(this.#layer, 'models/v2/weights'), 'data');
      await symlink('v2', join(this.#layer, 'models/latest'));
      await symlink('/../../../etc', join(this.#layer, 'models/outside'));
    }
    return { ...used, layers: [this.#layer] };
  }
}

describe.skipIf(withoutRoot)(`image volumes${withoutRoot ? ` (${withoutRoot})` : ''}`, () => {
  let shim: TestShim;
  let podSandboxId: string;

  beforeEach(async () => {
    shim = await TestShim.start({ images: (root) => new DataImages(root) });
    shim.host.supported = ['mounts[].image'];
    await shim.restart();
    podSandboxId = await shim.runPod();
  });

  afterEach(async () => {
    await shim.runtime.removePodSandbox({ podSandboxId });
    const left = [await mounts(), shim.leftovers()];
    await shim.close();
    expect(left).toEqual([[], []]);
  });

  async function mounts(): Promise<string[]> {
    return [...(await mountPoints())].filter((point) => point.startsWith(shim.directory));
  }

  function create(imageSubPath = '', more: object = {}) {
    return shim.createContainer(podSandboxId, { mounts: [{ containerPath: '/data', image: { image }, imageSubPath, ...more }] });
  }

  it('are the content of an image, read-only, at the path of it that is asked for', async () => {
    const id = await create('models/latest');
    const [mount] = shim.host.containers.get(id)?.spec.mounts ?? [];
    expect(mount).toMatchObject({ destination: '/data', readonly: true });
    expect(await readFile(join(mount?.source ?? '', 'weights'), 'utf8')).toBe('data');
    await expect(writeFile(join(mount?.source ?? '', 'new'), '')).rejects.toThrow(/EROFS/);
  });

  it('are the whole image without a path, and keep it from being removed', async () => {
    const id = await create();
    const [mount] = shim.host.containers.get(id)?.spec.mounts ?? [];
    expect(await readdir(mount?.source ?? '')).toEqual(['models']);
    const remove = () =>
      shim.images.removeImage({ image: { image, annotations: {}, userSpecifiedImage: '', runtimeHandler: '', imageRef: '' } });
    await expect(remove()).rejects.toThrow(expect.objectContaining({ code: 'FAILED_PRECONDITION' }));
    await shim.runtime.removeContainer({ containerId: id });
    expect(await mounts()).toEqual([]);
    await remove();
  });

  it.each(['../..', '/etc', 'a/../../b'])('never leave the image: path %s is refused', async (path) => {
    await expect(create(path)).rejects.toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    expect(await mounts()).toEqual([]);
  });

  it.each(['none', 'models/outside', 'models/v2/weights/x'])('of a path that the image lacks are NOT_FOUND: %s', async (path) => {
    await expect(create(path)).rejects.toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
    expect(await mounts()).toEqual([]);
  });

  it('have no host path and no propagation', async () => {
    await expect(create('', { hostPath: '/tmp' })).rejects.toThrow(/host_path too/);
    await expect(create('', { propagation: MountPropagation.PROPAGATION_HOST_TO_CONTAINER })).rejects.toThrow(/no propagation/);
  });

  it('leave nothing when the container cannot be made, and go with one that was left half-made', async () => {
    shim.host.faults.set('createContainer', 'throws');
    await expect(create()).rejects.toThrow(/broken/);
    shim.host.faults.clear();
    expect(await mounts()).toEqual([]);
    const id = await create();
    await shim.restart();
    expect(await mounts()).toHaveLength(1);
    await shim.runtime.removeContainer({ containerId: id });
  });
});
