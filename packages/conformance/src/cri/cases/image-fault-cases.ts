import { randomBytes } from 'node:crypto';
import { expectEqual, expectTrue } from '../../expect.ts';
import { digestOf } from '../../image-archive.ts';
import type { Case } from '../../suite.ts';
import { withCleanUp } from '../../with-clean-up.ts';
import { logs, ownImages } from '../needs.ts';
import {
  expectPullFails,
  expectPullFailsUntilMended,
  layerBytes,
  middle,
  publishWithLayer,
  randomLayer,
  withCopyElsewhere,
  withPulled,
} from '../pulling.ts';
import type { CriTarget } from '../target.ts';

const hugeBytes = 20 * 1024 * 1024;

/** Registries that lie, fail or go away: the pull fails and leaves nothing, and a later one isn't hindered by it. */
export const imageFaultCases: Case<CriTarget>[] = [
  {
    id: 'image.wrong-manifest',
    group: 'image',
    clause: 'a manifest whose bytes are not those of the digest that was asked for is refused (distribution-spec, Pulling manifests)',
    proves: ['PullImage'],
    needs: [ownImages],
    async run(target) {
      const { publisher } = target;
      const repository = publisher.repository();
      const other = publisher.put(await publisher.build({ bare: true }), repository);
      const image = publisher.put(await publisher.build({ bare: true }), repository);
      repository.faults = { lies: new Map([[image.manifestDigest, other.manifest]]) };
      await expectPullFailsUntilMended(target, image, 'a digest for which another manifest comes');
    },
  },
  {
    id: 'image.wrong-config',
    group: 'image',
    clause: 'a configuration whose bytes are not those of its digest is refused (image-spec, descriptor.md, Verification)',
    proves: ['PullImage'],
    needs: [ownImages],
    async run(target) {
      const image = await target.publisher.publish({ bare: true });
      // As long as the right one, and valid too.
      const lie = Buffer.from(image.config.toString().replace('"linux"', '"linuz"'));
      image.repository.faults = { lies: new Map([[image.id, lie]]) };
      await expectPullFailsUntilMended(target, image, 'an image for whose configuration another one comes');
    },
  },
  {
    id: 'image.wrong-layer',
    group: 'image',
    clause: 'a layer as long as it should be, but of other bytes, is refused (image-spec, descriptor.md, Verification)',
    proves: ['PullImage'],
    needs: [ownImages],
    run: (target) => withLyingLayer(target, 'an image with a layer of other bytes', (bytes) => Buffer.from(bytes.map((byte) => byte ^ 1))),
  },
  {
    id: 'image.truncated-layer',
    group: 'image',
    clause: 'a layer that is shorter than its manifest says is refused (image-spec, descriptor.md, size)',
    proves: ['PullImage'],
    needs: [ownImages],
    run: (target) => withLyingLayer(target, 'an image with half a layer', (bytes) => bytes.subarray(0, middle)),
  },
  {
    id: 'image.longer-layer',
    group: 'image',
    clause: 'a layer that is longer than its manifest says is refused (image-spec, descriptor.md, size)',
    proves: ['PullImage'],
    needs: [ownImages],
    run: (target) => withLyingLayer(target, 'an image with more than a layer', (bytes) => Buffer.concat([bytes, Buffer.alloc(4096)])),
  },
  {
    id: 'image.wrong-size',
    group: 'image',
    clause: 'a layer whose digest is right, but not the size in the manifest, is refused (image-spec, descriptor.md, size)',
    proves: ['PullImage'],
    needs: [ownImages],
    async run(target) {
      for (const difference of [-1, 1]) {
        const image = await target.publisher.publish({
          bare: true,
          layers: [randomLayer()],
          alterManifest: ({ layers, ...rest }) => ({
            ...rest,
            layers: layers.map((layer) => ({ ...layer, size: layer.size + difference })),
          }),
        });
        await expectPullFails(target, image, `an image with a layer whose size is off by ${difference}`);
      }
    },
  },
  {
    id: 'image.wrong-diff-id',
    group: 'image',
    clause: "a layer that doesn't unpack to the diff_id of the configuration is refused (image-spec, config.md, Layer DiffID)",
    proves: ['PullImage'],
    needs: [ownImages],
    async run(target) {
      const image = await target.publisher.publish({
        bare: true,
        layers: [randomLayer()],
        alterConfig: (config) => ({ ...config, rootfs: { ...config.rootfs, diff_ids: [`sha256:${'0'.repeat(64)}`] } }),
      });
      await expectPullFails(target, image, 'an image with a wrong diff_id');
    },
  },
  {
    id: 'image.missing-layer',
    group: 'image',
    clause: 'an image one of whose layers the registry lacks is refused (distribution-spec, Pulling blobs)',
    proves: ['PullImage'],
    needs: [ownImages],
    async run(target) {
      const image = await publishWithLayer(target, { bare: true });
      image.repository.blobs.delete(image.layers[0]?.digest ?? '');
      await expectPullFails(target, image, 'an image without its layer');
      target.publisher.put(image, image.repository);
      await withPulled(target, image, async () => undefined);
    },
  },
  {
    id: 'image.index-to-nothing',
    group: 'image',
    clause: 'an index that points to a manifest that the registry lacks is refused (distribution-spec, Pulling manifests)',
    proves: ['PullImage'],
    needs: [ownImages],
    async run(target) {
      const { publisher } = target;
      const image = await publisher.build({ bare: true });
      const repository = publisher.repository();
      publisher.putIndex(repository, '1', [image]);
      await expectPullFails(
        target,
        { id: image.id, reference: `${publisher.nameOf(repository)}:1` },
        'an index to a manifest that is missing',
      );
    },
  },
  {
    id: 'image.cut-once',
    group: 'image',
    clause: 'a connection that is cut in a layer does no harm: the pull goes on, or fails and can be made again (cri.proto, PullImage)',
    proves: ['PullImage'],
    needs: [ownImages, logs],
    async run(target, signal) {
      const content = randomBytes(layerBytes);
      const image = await target.publisher.publish({ layers: [[{ type: 'file', path: 'whole', content }]] });
      image.repository.faults = { cut: { offset: middle, times: 1 } };
      await endsEitherWay(target, target.client.PullImage({ image: { image: image.reference } }));
      await withPulled(target, image, async (id) => {
        const output = await target.script('sha256sum < /whole', signal, { image: { image: id } });
        expectEqual(`sha256:${output.split(' ')[0]}`, digestOf(content), 'digest of the file inside');
      });
    },
  },
  {
    id: 'image.cut-always',
    group: 'image',
    clause: 'a layer that never comes whole makes its pull fail, in bounded time (cri.proto, PullImage)',
    proves: ['PullImage'],
    needs: [ownImages],
    async run(target) {
      const image = await publishWithLayer(target, { bare: true });
      image.repository.faults = { cut: { offset: middle, times: Number.POSITIVE_INFINITY } };
      await expectPullFailsUntilMended(target, image, 'an image whose layer is always cut');
    },
  },
  {
    id: 'image.redirected-blobs',
    group: 'image',
    clause: 'blobs may lie on another host, to which the registry redirects (distribution-spec, Pulling blobs)',
    proves: ['PullImage'],
    needs: [ownImages],
    async run(target) {
      const image = await publishWithLayer(target, { bare: true });
      await withCopyElsewhere(image, async (elsewhere, host) => {
        image.repository.faults = { redirect: (path) => `http://${host}${path}` };
        await withPulled(target, image, async () => undefined);
        expectTrue(
          elsewhere.received.some(({ method }) => method === 'GET'),
          'nothing was fetched from there',
        );
      });
    },
  },
  {
    id: 'image.redirect-loop',
    group: 'image',
    clause: 'a registry that redirects a blob to itself for ever makes the pull fail (RFC 9110, 15.4)',
    proves: ['PullImage'],
    needs: [ownImages],
    async run(target) {
      const image = await publishWithLayer(target, { bare: true });
      image.repository.faults = { redirect: (path) => path };
      await expectPullFailsUntilMended(target, image, 'an image whose blobs are redirected for ever');
    },
  },
  ...Object.entries({ forbidden: 403, 'too-many-requests': 429, 'server-error': 500, unavailable: 503 }).map(
    ([name, status]): Case<CriTarget> => ({
      id: `image.registry-${name}`,
      group: 'image',
      clause: `a registry that goes on answering ${status} makes the pull fail, and only while it does (distribution-spec, Error Codes)`,
      proves: ['PullImage'],
      needs: [ownImages],
      async run(target) {
        const image = await target.publisher.publish({ bare: true });
        image.repository.faults = { status };
        await expectPullFailsUntilMended(target, image, `an image for which ${status} is answered`);
      },
    }),
  ),
  {
    id: 'image.page-for-people',
    group: 'image',
    clause: 'a page of HTML, with 200, is no manifest (distribution-spec, Pulling manifests)',
    proves: ['PullImage'],
    needs: [ownImages],
    async run(target) {
      const image = await target.publisher.publish({ bare: true });
      image.repository.faults = { page: true };
      await expectPullFailsUntilMended(target, image, 'an image for which a page is answered');
    },
  },
  {
    id: 'image.no-manifest',
    group: 'image',
    clause: 'what is no JSON, no object and no image manifest is refused (image-spec, manifest.md)',
    proves: ['PullImage'],
    needs: [ownImages],
    async run(target) {
      const { publisher } = target;
      for (const text of ['', 'null', '[]', '{', '{}', '{"schemaVersion":2,"config":null,"layers":null}']) {
        const image = await publisher.build({ bare: true });
        const reference = publisher.put({ ...image, manifest: Buffer.from(text) }, publisher.repository(), '1').reference;
        await expectPullFails(target, { id: image.id, reference }, `the manifest ${JSON.stringify(text)}`);
      }
    },
  },
  {
    id: 'image.huge-manifest',
    group: 'image',
    clause:
      'a manifest of 20 MiB, five times what registries have to take, is no danger to the server (distribution-spec, Pushing manifests)',
    proves: ['PullImage'],
    needs: [ownImages],
    async run(target) {
      const image = await target.publisher.publish({
        bare: true,
        alterManifest: (manifest) => ({ ...manifest, annotations: { 'example.com/filling': 'x'.repeat(hugeBytes) } }),
      });
      await withCleanUp(
        () => endsEitherWay(target, target.client.PullImage({ image: { image: image.reference } })),
        async () => void (await target.client.RemoveImage({ image: { image: image.id } })),
      );
    },
  },
];

async function withLyingLayer(target: CriTarget, what: string, lie: (bytes: Buffer) => Buffer): Promise<void> {
  const image = await publishWithLayer(target, { bare: true });
  image.repository.faults = { lies: new Map(image.layers.map(({ digest, bytes }) => [digest, lie(bytes)])) };
  await expectPullFailsUntilMended(target, image, what);
}

/** A pull may be refused, with UNAVAILABLE as well; the server has to be there after that. */
async function endsEitherWay(target: CriTarget, pull: Promise<unknown>): Promise<void> {
  await pull.catch(() => undefined);
  await target.alive();
}
