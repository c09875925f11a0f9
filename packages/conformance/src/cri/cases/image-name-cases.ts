import { expectEqual, expectSame, expectTrue } from '../../expect.ts';
import type { Case } from '../../suite.ts';
import { ownImages } from '../needs.ts';
import { expectAbsent, statusOf, withPulled } from '../pulling.ts';
import type { CriTarget } from '../target.ts';

/** By which names an image is pulled, found and removed. */
export const imageNameCases: Case<CriTarget>[] = [
  {
    id: 'image.tag-default',
    group: 'image',
    clause: 'a name without tag and digest means the tag latest (distribution/reference, TagNameOnly)',
    proves: ['ImageSpec.image', 'Image.repo_tags'],
    needs: [ownImages],
    async run(target) {
      const image = await target.publisher.publish({ bare: true, tag: 'latest' });
      await withPulled(
        target,
        image,
        async (id) => {
          for (const reference of [image.name, `${image.name}:latest`]) expectEqual((await statusOf(target, reference)).id, id, reference);
          expectSame((await statusOf(target, id)).repoTags, [`${image.name}:latest`], 'repo_tags');
        },
        { reference: image.name },
      );
    },
  },
  {
    id: 'image.digest-only',
    group: 'image',
    clause: 'an image pulled by digest alone has no tag, and has that digest (cri.proto, Image.repo_digests)',
    proves: ['Image.repo_tags', 'Image.repo_digests'],
    needs: [ownImages],
    async run(target) {
      const image = await target.publisher.publish({ bare: true });
      const check = async (id: string): Promise<void> => {
        const { repoTags, repoDigests } = await statusOf(target, id);
        expectSame([repoTags, repoDigests], [[], [image.digestReference]], 'repo_tags and repo_digests');
        expectEqual((await statusOf(target, image.digestReference)).id, id, 'id by the digest');
        await expectAbsent(target, image.reference);
      };
      await withPulled(target, image, check, { reference: image.digestReference });
    },
  },
  {
    id: 'image.tag-and-digest',
    group: 'image',
    clause: 'where a name has a tag and a digest, the digest counts (distribution/reference; kubelet pulls such names)',
    proves: ['ImageSpec.image'],
    needs: [ownImages],
    async run(target) {
      const { publisher } = target;
      const older = await publisher.publish({ bare: true });
      publisher.put(await publisher.build({ bare: true }), older.repository, '1');
      const reference = `${older.reference}@${older.manifestDigest}`;
      const check = async (id: string): Promise<void> => expectEqual((await statusOf(target, reference)).id, id, 'id by tag and digest');
      await withPulled(target, older, check, { reference });
    },
  },
  {
    id: 'image.several-repositories',
    group: 'image',
    clause: 'one image of several repositories is listed once, with a tag and a digest of each (cri.proto, Image)',
    proves: ['Image.repo_tags', 'Image.repo_digests', 'ListImagesResponse.images'],
    needs: [ownImages],
    async run(target) {
      const { publisher } = target;
      const first = await publisher.publish({ bare: true });
      const second = publisher.put(first, publisher.repository(), 'other');
      await withPulled(target, first, () =>
        withPulled(target, second, async (id) => {
          const { repoTags, repoDigests } = await statusOf(target, id);
          expectSame(repoTags.toSorted(), [first.reference, second.reference].toSorted(), 'repo_tags');
          expectSame(repoDigests.toSorted(), [first.digestReference, second.digestReference].toSorted(), 'repo_digests');
          const { images } = await target.client.ListImages({});
          expectEqual(images.filter((listed) => listed.id === id).length, 1, 'times that it is listed');
        }),
      );
    },
  },
  {
    id: 'image.tag-moved',
    group: 'image',
    clause: 'a pull of a tag that has been moved fetches what it names then, and the tag names no other image (cri.proto, PullImage)',
    proves: ['PullImage', 'Image.repo_tags'],
    needs: [ownImages],
    async run(target) {
      const { publisher } = target;
      const older = await publisher.publish({ bare: true });
      await withPulled(target, older, async () => {
        const newer = publisher.put(await publisher.build({ bare: true }), older.repository, '1');
        await withPulled(target, newer, async (id) => {
          expectEqual((await statusOf(target, older.reference)).id, id, 'id by the tag');
          const { images } = await target.client.ListImages({});
          const tagged = images.filter(({ repoTags }) => repoTags.includes(older.reference)).map((listed) => listed.id);
          expectSame(tagged, [id], 'images of that tag');
        });
      });
    },
  },
  {
    id: 'image.remove-by-name',
    group: 'image',
    clause: 'RemoveImage of one name of an image, tag or digest, removes it under all of them (cri.proto, RemoveImage)',
    proves: ['RemoveImage', 'RemoveImageRequest.image'],
    needs: [ownImages],
    async run(target) {
      const { publisher } = target;
      for (const by of ['reference', 'digestReference'] as const) {
        const first = await publisher.publish({ bare: true });
        const second = publisher.put(first, first.repository, '2');
        await withPulled(target, first, () =>
          withPulled(target, second, async (id) => {
            await target.client.RemoveImage({ image: { image: first[by] } });
            for (const reference of [id, first.reference, second.reference, first.digestReference]) await expectAbsent(target, reference);
          }),
        );
      }
    },
  },
  {
    id: 'image.pull-again',
    group: 'image',
    clause: 'an image that was removed can be pulled again (cri.proto, PullImage)',
    proves: ['PullImage', 'RemoveImage'],
    needs: [ownImages],
    async run(target) {
      const image = await target.publisher.publish({ layers: [[{ type: 'file', path: 'again', content: 'here' }]] });
      for (let time = 0; time < 3; time++) await withPulled(target, image, async (id) => void (await statusOf(target, id)));
      await expectAbsent(target, image.reference);
    },
  },
  {
    id: 'image.pull-for-pod',
    group: 'image',
    clause: 'a pull tells the pod that it is for, which changes nothing about the image (cri.proto, PullImageRequest.sandbox_config)',
    proves: ['PullImageRequest.sandbox_config'],
    needs: [ownImages],
    async run(target) {
      const image = await target.publisher.publish({ bare: true });
      await withPulled(target, image, async (id) => {
        const request = { image: { image: image.reference }, sandboxConfig: target.sandboxConfig() };
        expectEqual((await target.client.PullImage(request)).imageRef, id, 'image_ref');
      });
    },
  },
  {
    id: 'image.same-told',
    group: 'image',
    clause: 'ListImages and ImageStatus tell the same of an image, by whichever name it is asked for (cri.proto, Image)',
    proves: ['Image.id', 'Image.size', 'Image.uid', 'Image.username', 'Image.repo_tags', 'Image.repo_digests'],
    needs: [ownImages],
    async run(target) {
      const image = await target.publisher.publish({ bare: true, config: { User: '12:34' } });
      await withPulled(target, image, async (id) => {
        // `spec` says how it was asked for.
        const told = async (reference: string): Promise<string> => JSON.stringify({ ...(await statusOf(target, reference)), spec: null });
        const byId = await told(id);
        for (const reference of [image.reference, image.digestReference]) expectEqual(await told(reference), byId, reference);
        const { images } = await target.client.ListImages({});
        const listed = images.filter((one) => one.id === id).map((one) => JSON.stringify({ ...one, spec: null }));
        expectSame(listed, [byId], 'what is listed');
      });
    },
  },
  {
    id: 'image.not-pinned',
    group: 'image',
    clause: 'an image that was only pulled is not pinned: the client may remove it (cri.proto, Image.pinned)',
    proves: ['Image.pinned'],
    needs: [ownImages],
    async run(target) {
      const image = await target.publisher.publish({ bare: true });
      await withPulled(target, image, async (id) => expectEqual((await statusOf(target, id)).pinned, false, 'pinned'));
    },
  },
  {
    id: 'image.filter-unknown',
    group: 'image',
    clause: 'a filter that names no present image matches none (cri.proto, ImageFilter.image)',
    proves: ['ListImagesRequest.filter', 'ImageFilter.image'],
    needs: [ownImages],
    async run(target) {
      const unknown = `${target.publisher.host}/no/such/image:1`;
      const { images } = await target.client.ListImages({ filter: { image: { image: unknown } } });
      expectSame(
        images.flatMap(({ repoTags }) => repoTags),
        [],
        'tags of the filtered list',
      );
    },
  },
  {
    id: 'image.stream-filter',
    group: 'image',
    clause: 'StreamImages takes the filter of ListImages (cri.proto, StreamImagesRequest.filter)',
    proves: ['StreamImages', 'StreamImagesRequest.filter'],
    needs: [ownImages],
    async run(target, signal) {
      const image = await target.publisher.publish({ bare: true });
      await withPulled(target, image, async (id) => {
        const streamed: string[] = [];
        for await (const { images } of target.client.StreamImages({ filter: { image: { image: image.reference } } }, { signal }))
          streamed.push(...images.map((one) => one.id));
        expectSame(streamed, [id], 'ids');
      });
    },
  },
  {
    id: 'image.removed-in-use',
    group: 'image',
    clause: 'what runs of an image goes on when one asks to remove it by each of its names (cri.proto, RemoveImage)',
    proves: ['RemoveImage', 'ContainerStatus.image_ref'],
    needs: [ownImages],
    async run(target) {
      const image = await target.publisher.publish({ layers: [[{ type: 'file', path: 'mine', content: 'still here' }]] });
      await withPulled(target, image, (id) =>
        target.withContainer({ image: { image: id } }, async (container) => {
          await container.start();
          for (const reference of [image.reference, image.digestReference, id])
            await target.client.RemoveImage({ image: { image: reference } }).catch(() => undefined);
          expectEqual(await container.script('cat /mine'), 'still here', 'a file of the image');
          expectTrue((await container.status()).imageRef !== '', 'image_ref is empty');
        }),
      );
      await expectAbsent(target, image.reference);
    },
  },
];
