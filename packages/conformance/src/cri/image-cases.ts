import type { Case } from '../suite.ts';
import { expectEqual, expectTrue } from './expect.ts';
import type { CriTarget } from './target.ts';

export const imageCases: Case<CriTarget>[] = [
  {
    id: 'image.status',
    group: 'image',
    clause: 'ImageStatus of a present image has an id and a size above 0; the id finds it too (api.proto, Image)',
    proves: ['ImageStatus', 'ImageStatusRequest.image', 'ImageStatusResponse.image', 'Image.id', 'Image.size', 'ImageSpec.image'],
    async run(target) {
      const { client } = target;
      await target.image('shell');
      const reference = target.reference('shell');
      const { image } = await client.ImageStatus({ image: { image: reference } });
      expectTrue(image !== null, `${reference} is absent`);
      expectTrue((image?.id ?? '') !== '', 'id is empty');
      expectTrue(BigInt(image?.size ?? 0) > 0n, 'size is 0');
      const byId = await client.ImageStatus({ image: { image: image?.id ?? '' } });
      expectEqual(byId.image?.id, image?.id, 'the image found by its id');
    },
  },
  {
    id: 'image.status-absent',
    group: 'image',
    clause: 'ImageStatus of an absent image is no error and has no image (api.proto, ImageStatus)',
    proves: ['ImageStatus'],
    async run({ client }) {
      const { image } = await client.ImageStatus({ image: { image: 'localhost/no/such/image:1' } });
      expectEqual(image, null, 'image');
    },
  },
  {
    id: 'image.list',
    group: 'image',
    clause: 'ListImages has each present image, and its filter finds one by name (api.proto, ListImages)',
    proves: ['ListImages', 'ListImagesRequest.filter', 'ImageFilter.image'],
    async run(target) {
      const { client } = target;
      await target.image('shell');
      const reference = target.reference('shell');
      const { image } = await client.ImageStatus({ image: { image: reference } });
      const all = await client.ListImages({});
      expectTrue(
        all.images.some((listed) => listed.id === image?.id),
        `${reference} isn't listed`,
      );
      const filtered = await client.ListImages({ filter: { image: { image: reference } } });
      expectEqual(filtered.images.map((listed) => listed.id).join(), image?.id ?? '', 'ids of the filtered list');
    },
  },
  {
    id: 'image.remove-absent',
    group: 'image',
    clause: 'RemoveImage of an absent image is no error (api.proto, RemoveImage)',
    proves: ['RemoveImage', 'RemoveImageRequest.image'],
    async run({ client }) {
      await client.RemoveImage({ image: { image: 'localhost/no/such/image:1' } });
    },
  },
];
