import { ImageSpec, ListImagesRequest, PullImageRequest } from '@berth/sdk/cri';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { image, TestShim } from '../../testing/test-shim.ts';

let shim: TestShim;

beforeAll(async () => {
  shim = await TestShim.start();
});

afterAll(() => shim.close());

const spec = (reference: string) => ImageSpec.fromPartial({ image: reference });
const pull = async (reference: string) => (await shim.images.pullImage(PullImageRequest.fromPartial({ image: spec(reference) }))).imageRef;
const status = async (reference: string) => (await shim.images.imageStatus({ image: spec(reference), verbose: false })).image;

describe('ImageService', () => {
  it('gives a pulled image its status and a place in the list', async () => {
    const id = await pull('docker.io/library/nginx:1');
    expect(await status('docker.io/library/nginx:1')).toMatchObject({ id, repoTags: ['docker.io/library/nginx:1'] });
    expect((await status(id))?.id).toBe(id);
    const { images } = await shim.images.listImages({ filter: undefined });
    expect(images.flatMap(({ repoTags }) => repoTags).toSorted()).toEqual([image, 'docker.io/library/nginx:1']);
  });

  it('filters the list by reference', async () => {
    const listed = async (reference: string) =>
      (await shim.images.listImages(ListImagesRequest.fromPartial({ filter: { image: spec(reference) } }))).images.length;
    expect(await listed(image)).toBe(1);
    expect(await listed('docker.io/library/absent:1')).toBe(0);
  });

  it('has no status for an absent image, which is no error', async () => {
    expect(await status('docker.io/library/absent:1')).toBeUndefined();
  });

  it('removes an image, and succeeds again', async () => {
    await pull('docker.io/library/gone:1');
    await shim.images.removeImage({ image: spec('docker.io/library/gone:1') });
    await shim.images.removeImage({ image: spec('docker.io/library/gone:1') });
    expect(await status('docker.io/library/gone:1')).toBeUndefined();
  });

  it('says what its images take of the disk', async () => {
    const { imageFilesystems } = await shim.images.imageFsInfo({});
    expect(imageFilesystems[0]?.fsId?.mountpoint).toBe(`${shim.root}/images`);
    expect(imageFilesystems[0]?.usedBytes?.value).toBeGreaterThan(0n);
  });

  it.each([
    ['ImageStatus', () => status('')],
    ['PullImage', () => pull('')],
    ['RemoveImage', () => shim.images.removeImage({ image: undefined })],
  ])('%s refuses a request without an image', async (_rpc, call) => {
    await expect(call()).rejects.toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('image is required') }),
    );
  });

  it('refuses a reference that is none, naming it', async () => {
    await expect(pull('UPPER//case')).rejects.toThrow(/UPPER\/\/case/);
  });
});
