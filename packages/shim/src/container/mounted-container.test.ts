import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestShim, withoutRoot } from '../../testing/test-shim.ts';
import { NamedImages } from '../image/named.ts';
import { mountPoints } from '../mount-points.ts';

/** Images that are names, each with one layer of a file. */
class OneLayerImages extends NamedImages {
  readonly #layer: string;

  constructor(root: string) {
    super(join(root, 'images'));
    this.#layer = join(root, 'layer');
  }

  override async use(reference: string, user: string) {
    await mkdir(join(this.#layer, 'etc'), { recursive: true });
    await writeFile(join(this.#layer, 'etc/passwd'), 'app:x:1000:1001::/:/bin/sh\n');
    const image = await super.use(reference, user);
    return { ...image, config: { ...image.config, user: 'app' }, layers: [this.#layer] };
  }
}

describe.skipIf(withoutRoot)(`a container with a mounted root${withoutRoot ? ` (${withoutRoot})` : ''}`, () => {
  let shim: TestShim;
  let podSandboxId: string;

  beforeEach(async () => {
    shim = await TestShim.start({ features: { rootfs: 'mounted' }, images: (root) => new OneLayerImages(root) });
    podSandboxId = await shim.runPod();
  });

  afterEach(async () => {
    await shim.runtime.removePodSandbox({ podSandboxId });
    const left = await mounts();
    expect(shim.host.violations).toEqual([]);
    await shim.close();
    expect(left).toEqual([]);
  });

  async function mounts(): Promise<string[]> {
    return [...(await mountPoints())].filter((point) => point.startsWith(shim.directory));
  }

  it("has its image's files at the place the runtime is given, and runs as its image's user", async () => {
    const id = await shim.createContainer(podSandboxId);
    const spec = shim.host.containers.get(id)?.spec;
    expect(await mounts()).toEqual([spec?.rootfs?.mounted]);
    expect(existsSync(join(spec?.rootfs?.mounted ?? '', 'etc/passwd'))).toBe(true);
    expect(spec?.process.user).toEqual({ uid: 1000, gid: 1001, additionalGids: [1001] });
  });

  it('takes its mount away when it is removed', async () => {
    const containerId = await shim.runContainer(podSandboxId);
    await shim.runtime.removeContainer({ containerId });
    expect(await mounts()).toEqual([]);
  });

  it.each(['throws', 'hangs'] as const)('leaves no mount when createContainer %s', async (fault) => {
    shim.host.faults.set('createContainer', fault);
    await expect(shim.createContainer(podSandboxId, {}, { deadlineMs: 300 })).rejects.toThrow();
    shim.host.faults.clear();
    await expect.poll(mounts).toEqual([]);
  });

  it('keeps its mount over a restart of the shim', async () => {
    const containerId = await shim.runContainer(podSandboxId);
    const before = await mounts();
    await shim.restart();
    expect(await mounts()).toEqual(before);
    await shim.runtime.removeContainer({ containerId });
  });
});
