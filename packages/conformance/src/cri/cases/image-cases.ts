import { expectEqual, expectSame, expectTrue, present } from '../../expect.ts';
import { expectRefused, unlessRefused } from '../../refusals.ts';
import type { Case } from '../../suite.ts';
import { isNewer } from '../api-release.ts';
import type { Image } from '../messages.ts';
import { image, imageContents, logs, processes } from '../needs.ts';
import type { CriTarget } from '../target.ts';
import { type ImageName, numberedUser, privateCredentials } from '../test-images.ts';

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
  {
    id: 'image.pull',
    group: 'image',
    clause: 'PullImage fetches an image and answers with its id, which ImageStatus knows (cri.proto, PullImage)',
    proves: ['PullImage', 'PullImageRequest.image', 'PullImageResponse.image_ref'],
    needs: [image('spare')],
    exclusive: true,
    async run(target) {
      await pulling(target, 'spare', async (imageRef) => {
        const found = await statusOf(target, target.reference('spare'));
        expectEqual(found.id, imageRef, 'id of ImageStatus by name');
        expectEqual((await statusOf(target, imageRef)).id, imageRef, 'id of ImageStatus by id');
      });
    },
  },
  {
    id: 'image.pull-twice',
    group: 'image',
    clause: 'pulling what is there succeeds and changes nothing (cri.proto, PullImage)',
    proves: ['PullImage'],
    needs: [image('spare')],
    exclusive: true,
    async run(target) {
      await pulling(target, 'spare', async (imageRef) => {
        expectEqual(await pull(target, 'spare'), imageRef, 'the second answer');
        const { images } = await target.client.ListImages({});
        expectEqual(images.filter(({ id }) => id === imageRef).length, 1, 'images of that id');
      });
    },
  },
  {
    id: 'image.names',
    group: 'image',
    clause: 'an image tells the tag and the digest that it was pulled by (cri.proto, Image.repo_tags)',
    proves: ['Image.repo_tags', 'Image.repo_digests'],
    needs: [imageContents, image('shell')],
    async run(target) {
      const { repoTags, repoDigests } = await statusOf(target, await target.image('shell'));
      const name = target.reference('shell');
      // A short name of a mapped image comes back in full.
      const isOf = (full: string, short: string): boolean => full === short || full.endsWith(`/${short}`);
      expectTrue(
        repoTags.some((tag) => isOf(tag, name)),
        `repo_tags lacks ${name}: ${repoTags.join(', ')}`,
      );
      const repository = name.replace(/:[^/:]*$/, '');
      expectTrue(
        repoDigests.some((digest) => /@sha256:/.test(digest) && isOf(digest.replace(/@.*$/, ''), repository)),
        `repo_digests has none of ${repository}: ${repoDigests.join(', ')}`,
      );
    },
  },
  {
    id: 'image.pull-by-digest',
    group: 'image',
    clause: 'an image can be pulled by its digest, and is found by that (cri.proto, ImageSpec.image)',
    proves: ['ImageSpec.image', 'Image.repo_digests'],
    needs: [imageContents, image('spare')],
    exclusive: true,
    async run(target) {
      const [byTag, digest] = await pulling(target, 'spare', async (imageRef) => [
        imageRef,
        (await statusOf(target, imageRef)).repoDigests[0] ?? '',
      ]);
      const { imageRef } = await target.client.PullImage({ image: { image: digest ?? '' } });
      try {
        expectEqual(imageRef, byTag, 'the answer');
        expectEqual((await statusOf(target, digest ?? '')).id, byTag, 'id of ImageStatus by digest');
      } finally {
        await target.client.RemoveImage({ image: { image: imageRef } });
      }
    },
  },
  {
    id: 'image.two-tags',
    group: 'image',
    clause: 'two names of one image are one image with both tags (cri.proto, Image.repo_tags)',
    proves: ['Image.repo_tags', 'ListImagesResponse.images'],
    needs: [imageContents, image('first-tag', 'second-tag')],
    exclusive: true,
    async run(target) {
      await pulling(target, 'first-tag', async (first) => {
        expectEqual(await pull(target, 'second-tag'), first, 'id of the second tag');
        const { repoTags } = await statusOf(target, first);
        const names = [target.reference('first-tag'), target.reference('second-tag')];
        for (const name of names) expectTrue(repoTags.includes(name), `repo_tags lacks ${name}: ${repoTags.join(', ')}`);
        const { images } = await target.client.ListImages({});
        expectEqual(images.filter(({ id }) => id === first).length, 1, 'times that it is listed');
      });
    },
  },
  {
    id: 'image.remove',
    group: 'image',
    clause: 'RemoveImage removes an image under all of its names, and is idempotent (cri.proto, RemoveImage)',
    proves: ['RemoveImage'],
    needs: [imageContents, image('first-tag', 'second-tag')],
    exclusive: true,
    async run(target) {
      await pulling(target, 'first-tag', async (id) => {
        await pull(target, 'second-tag');
        for (let time = 0; time < 2; time++) await target.client.RemoveImage({ image: { image: id } });
        for (const reference of [id, target.reference('first-tag'), target.reference('second-tag')])
          expectEqual((await target.client.ImageStatus({ image: { image: reference } })).image, null, `ImageStatus of ${reference}`);
      });
    },
  },
  {
    id: 'image.user',
    group: 'image',
    clause: 'an image tells the user of its configuration: by number or by name, never both (cri.proto, Image.uid)',
    proves: ['Image.uid', 'Image.username'],
    needs: [imageContents, image('configured', 'numbered')],
    async run(target) {
      const named = await statusOf(target, await target.image('configured'));
      expectSame([named.username, named.uid], ['app', null], 'username and uid of a named user');
      const numbered = await statusOf(target, await target.image('numbered'));
      expectSame([numbered.username, numbered.uid?.value], ['', String(numberedUser.uid)], 'username and uid of a numbered user');
    },
  },
  {
    id: 'image.status-verbose',
    group: 'image',
    clause: 'with verbose, ImageStatus has more to tell a person (cri.proto, ImageStatusResponse.info)',
    proves: ['ImageStatusRequest.verbose', 'ImageStatusResponse.info'],
    needs: [imageContents],
    async run(target) {
      const asked = { image: await target.image('shell') };
      expectTrue(Object.keys((await target.client.ImageStatus({ image: asked, verbose: true })).info).length > 0, 'info is empty');
      expectEqual(Object.keys((await target.client.ImageStatus({ image: asked })).info).length, 0, 'entries of info without verbose');
    },
  },
  {
    id: 'image.pull-private',
    group: 'image',
    clause: 'PullImage logs in with the credentials it is given (cri.proto, AuthConfig)',
    proves: ['PullImageRequest.auth', 'AuthConfig.username', 'AuthConfig.password', 'AuthConfig.auth'],
    needs: [imageContents, image('private')],
    exclusive: true,
    async run(target) {
      const asked = { image: target.reference('private') };
      await expectRefused(target.client.PullImage({ image: asked }), 'PullImage without credentials');
      await expectRefused(
        target.client.PullImage({ image: asked, auth: { ...privateCredentials, password: 'wrong' } }),
        'a wrong password',
      );
      const { username, password } = privateCredentials;
      // As they are, and as a Docker configuration file has them.
      for (const auth of [privateCredentials, { auth: Buffer.from(`${username}:${password}`).toString('base64') }]) {
        const { imageRef } = await target.client.PullImage({ image: asked, auth });
        expectTrue(imageRef !== '', 'image_ref is empty');
        await target.client.RemoveImage({ image: asked });
      }
    },
  },
  {
    id: 'image.pull-corrupt',
    group: 'image',
    clause: 'a layer whose bytes are not those of its digest is refused, and leaves no image (distribution-spec, Pulling blobs)',
    proves: ['PullImage'],
    needs: [imageContents, image('corrupt')],
    exclusive: true,
    async run(target) {
      const asked = { image: target.reference('corrupt') };
      await expectRefused(target.client.PullImage({ image: asked }, { deadlineMs: 30_000 }), 'PullImage of a corrupt image');
      expectEqual((await target.client.ImageStatus({ image: asked })).image, null, 'ImageStatus afterwards');
    },
  },
  {
    id: 'image.pull-absent',
    group: 'image',
    clause: 'PullImage of what its registry lacks is an error (cri.proto, PullImage)',
    proves: ['PullImage'],
    needs: [imageContents, image('shell')],
    async run(target) {
      const missing = target.reference('shell').replace(/:[^:/]+$/, ':no-such-tag');
      await expectRefused(target.client.PullImage({ image: { image: missing } }), 'PullImage of a missing tag');
    },
  },
  {
    id: 'image.layers',
    group: 'image',
    clause: 'layers are laid over one another: whiteouts, opaque directories, links (image-spec, layer.md)',
    proves: ['PullImage', 'ContainerConfig.image'],
    needs: [imageContents, image('layered'), logs],
    async run(target, signal) {
      const script = 'cd /layers; ls -A . opaque | tr "\\n" " "; cat kept replaced opaque/added; test kept -ef linked && readlink symbolic';
      const output = await target.script(script, signal, { image: { image: await target.image('layered') } });
      expectEqual(output, '.: kept linked opaque replaced symbolic  opaque: added old\nnew\nnew\nkept', 'what is seen of the layers');
    },
  },
  {
    id: 'image.spec-details',
    group: 'image',
    clause: 'an image may come with annotations and with the name that its user wrote, which change nothing (cri.proto, ImageSpec)',
    proves: ['ImageSpec.annotations', 'ImageSpec.user_specified_image'],
    async run(target) {
      const id = await target.image('shell');
      const details = { annotations: { 'example.com/why': 'conformance' }, userSpecifiedImage: 'shell' };
      const { imageRef } = await target.client.PullImage({ image: { image: target.reference('shell'), ...details } });
      expectEqual(imageRef, id, 'the answer of PullImage');
      await target.withContainer({ image: { image: id, ...details } }, async (container) => {
        expectEqual((await statusOf(target, (await container.status()).imageRef)).id, id, 'the image that the container has');
      });
    },
  },
  {
    id: 'image.of-container',
    group: 'image',
    clause: 'a container tells the image that it was given and the one that runs (cri.proto, ContainerStatus.image_ref)',
    proves: ['ContainerStatus.image', 'ContainerStatus.image_ref', 'ContainerStatus.image_id', 'Container.image_id'],
    async run(target) {
      const id = await target.image('shell');
      await target.withContainer({}, async (container) => {
        const status = await container.status();
        expectTrue(present(status.image, 'image').image !== '', 'image is empty');
        const ran = await statusOf(target, status.imageRef);
        expectEqual(ran.id, id, 'id of the image that image_ref names');
        if (!isNewer('0.29', target.apiRelease)) expectEqual(status.imageId, id, 'image_id');
      });
    },
  },
  {
    id: 'image.in-use',
    group: 'image',
    clause: 'a container goes on when its image is removed, or the removal is refused (cri.proto, RemoveImage)',
    proves: ['RemoveImage'],
    needs: [imageContents, image('layered'), processes],
    exclusive: true,
    async run(target) {
      const id = await target.image('layered');
      await target.withContainer({ image: { image: id } }, async (container) => {
        await container.start();
        await unlessRefused(target.removeImage('layered'));
        expectEqual(await container.script('cat /layers/kept'), 'old', 'a file of the image');
      });
    },
  },
  {
    id: 'image.stream',
    group: 'image',
    clause: 'StreamImages gives what ListImages gives, no image twice, at least one a message (cri.proto, StreamImages)',
    proves: ['StreamImages', 'StreamImagesRequest.filter', 'StreamImagesResponse.images'],
    exclusive: true,
    async run(target, signal) {
      await target.image('shell');
      const streamed: string[] = [];
      for await (const { images } of target.client.StreamImages({}, { signal })) {
        expectTrue(images.length > 0, 'a message without an image');
        streamed.push(...images.map(({ id }) => id));
      }
      const listed = (await target.client.ListImages({})).images.map(({ id }) => id);
      expectSame(streamed.toSorted(), listed.toSorted(), 'ids');
    },
  },
];

async function statusOf({ client }: CriTarget, reference: string): Promise<Image> {
  return present((await client.ImageStatus({ image: { image: reference } })).image, `image ${reference}`);
}

async function pull(target: CriTarget, name: ImageName): Promise<string> {
  return (await target.client.PullImage({ image: { image: target.reference(name) } })).imageRef;
}

/** Runs `work` with an image that was absent and has been pulled; it is removed afterwards. */
async function pulling<Result>(target: CriTarget, name: ImageName, work: (imageRef: string) => Promise<Result>): Promise<Result> {
  await target.removeImage(name);
  const imageRef = await pull(target, name);
  try {
    return await work(imageRef);
  } finally {
    await target.client.RemoveImage({ image: { image: imageRef } });
    await target.removeImage(name);
  }
}
