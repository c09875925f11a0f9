import { randomBytes } from 'node:crypto';
import { expectEqual, expectSame, expectTrue } from '../../expect.ts';
import { digestOf } from '../../image-archive.ts';
import type { Compression, ManifestFamily } from '../../image-documents.ts';
import type { LayerEntry } from '../../layer-entry.ts';
import type { Case } from '../../suite.ts';
import type { CaseImage } from '../image-publisher.ts';
import { logs, ownImages } from '../needs.ts';
import { expectPullFails, scriptIn, statusOf, withPulled } from '../pulling.ts';
import type { CriTarget } from '../target.ts';

const otherArchitecture = 's390x';
const bigBytes = 12 * 1024 * 1024;
const manyLayers = 30;

/** How an image may be written down: manifests, indexes, compressions, layers of all sizes. */
export const imageFormatCases: Case<CriTarget>[] = [
  {
    id: 'image.compressions',
    group: 'image',
    clause: 'layers may be plain tar, gzip and zstd, in one image (image-spec, layer.md)',
    proves: ['PullImage'],
    needs: [ownImages, logs],
    async run(target, signal) {
      const compressions: Compression[] = ['none', 'gzip', 'zstd'];
      const layers = compressions.map((path): LayerEntry[] => [{ type: 'file', path, content: `${path}\n` }]);
      const image = await target.publisher.publish({ layers, compressions });
      expectEqual(await scriptIn(target, image, 'cat /none /gzip /zstd', signal), compressions.join('\n'), 'a file of each layer');
    },
  },
  {
    id: 'image.docker-manifest',
    group: 'image',
    clause: "Docker's image manifest, version 2, schema 2, is taken as OCI's is (distribution, manifest-v2-2)",
    proves: ['PullImage'],
    needs: [ownImages, logs],
    async run(target, signal) {
      const image = await target.publisher.publish({
        family: 'docker',
        layers: [[{ type: 'file', path: 'docker', content: 'gzip\n' }], [{ type: 'file', path: 'plain', content: 'tar\n' }]],
        compressions: ['gzip', 'none'],
      });
      expectEqual(await scriptIn(target, image, 'cat /docker /plain', signal), 'gzip\ntar', 'a file of each layer');
    },
  },
  {
    id: 'image.index',
    group: 'image',
    clause: 'of an index, the image for this platform is pulled; its name has the digest of the index (image-spec, image-index.md)',
    proves: ['PullImage', 'Image.repo_digests'],
    needs: [ownImages],
    run: (target) => pullsOwnPlatform(target, 'oci'),
  },
  {
    id: 'image.docker-list',
    group: 'image',
    clause: 'of a Docker manifest list, the image for this platform is pulled (distribution, manifest-v2-2)',
    proves: ['PullImage', 'Image.repo_digests'],
    needs: [ownImages],
    run: (target) => pullsOwnPlatform(target, 'docker'),
  },
  {
    id: 'image.index-other-platform',
    group: 'image',
    clause: 'an index without an image for this platform is refused, and leaves none (image-spec, image-index.md)',
    proves: ['PullImage'],
    needs: [ownImages],
    async run(target) {
      const { publisher } = target;
      const repository = publisher.repository();
      const foreign = publisher.put(await publisher.build({ bare: true, architecture: otherArchitecture }), repository);
      publisher.putIndex(repository, '1', [foreign]);
      await expectPullFails(target, { id: foreign.id, reference: `${foreign.name}:1` }, 'an index without this platform');
    },
  },
  {
    id: 'image.index-of-container',
    group: 'image',
    clause: 'a container of an image that was pulled by an index has the id that PullImage gave (cri.proto, ContainerStatus.image_ref)',
    proves: ['PullImageResponse.image_ref', 'ContainerStatus.image_ref', 'Container.image_ref'],
    needs: [ownImages],
    async run(target) {
      const { publisher } = target;
      const { own, reference } = await publishIndex(target, 'oci');
      await withPulled(
        target,
        publisher.put(own, publisher.repository()),
        (id) =>
          target.withContainer({ image: { image: id } }, async (container) => {
            const { containers } = await target.client.ListContainers({ filter: { id: container.id } });
            for (const { imageRef } of [await container.status(), ...containers])
              expectEqual((await statusOf(target, imageRef)).id, id, `id of the image ${imageRef}`);
          }),
        { reference },
      );
    },
  },
  {
    id: 'image.empty-layers',
    group: 'image',
    clause: 'layers without an entry, and the same layer twice, are layers like others (image-spec, layer.md)',
    proves: ['PullImage'],
    needs: [ownImages, logs],
    async run(target, signal) {
      const file: LayerEntry = { type: 'file', path: 'between', content: 'here\n' };
      const image = await target.publisher.publish({ layers: [[], [file], [], [file], []] });
      expectEqual(await scriptIn(target, image, 'cat /between', signal), 'here', 'the file between');
    },
  },
  {
    id: 'image.many-layers',
    group: 'image',
    clause: `an image may have ${manyLayers} layers, of which the last one wins (image-spec, layer.md)`,
    proves: ['PullImage'],
    needs: [ownImages, logs],
    async run(target, signal) {
      const layers = Array.from({ length: manyLayers }, (_, index): LayerEntry[] => [
        { type: 'file', path: `many/${index}`, content: '' },
        { type: 'file', path: 'many/last', content: `${index}\n` },
      ]);
      const image = await target.publisher.publish({ layers });
      const output = await scriptIn(target, image, 'ls /many | wc -l; cat /many/last', signal);
      expectEqual(output, `${manyLayers + 1}\n${manyLayers - 1}`, 'files of the layers, and what the last one says');
    },
  },
  {
    id: 'image.big-layer',
    group: 'image',
    clause: 'a layer of 12 MiB arrives whole, and counts in the size of its image (cri.proto, Image.size)',
    proves: ['PullImage', 'Image.size'],
    needs: [ownImages, logs],
    async run(target, signal) {
      const content = randomBytes(bigBytes);
      const image = await target.publisher.publish({ layers: [[{ type: 'file', path: 'big', content }]], compressions: ['none'] });
      await withPulled(target, image, async (id) => {
        const { size } = await statusOf(target, id);
        expectTrue(BigInt(size) >= BigInt(bigBytes), `size is ${size}, less than the bytes of a layer that can't be compressed`);
        const output = await target.script('sha256sum < /big', signal, { image: { image: id } });
        expectEqual(`sha256:${output.split(' ')[0]}`, digestOf(content), 'digest of the file inside');
      });
    },
  },
  {
    id: 'image.unknown-properties',
    group: 'image',
    clause: "properties that a reader doesn't know are ignored, annotations allowed (image-spec, considerations.md, Extensibility)",
    proves: ['PullImage'],
    needs: [ownImages],
    async run(target) {
      const image = await target.publisher.publish({
        bare: true,
        alterConfig: (config) => ({ ...config, author: 'somebody', 'example.com/unknown': { nested: [1, 2] } }),
        alterManifest: (manifest) => ({ ...manifest, annotations: { 'example.com/a': 'b' }, 'example.com/unknown': true }),
      });
      await withPulled(target, image, async (id) => void (await statusOf(target, id)));
    },
  },
  {
    id: 'image.plain-configuration',
    group: 'image',
    clause: 'an image whose configuration says nothing of the process runs with what the container is given (image-spec, config.md)',
    proves: ['ContainerConfig.command'],
    needs: [ownImages, logs],
    async run(target, signal) {
      const image = await target.publisher.publish({ alterConfig: ({ config: _, ...rest }) => ({ ...rest, author: crypto.randomUUID() }) });
      await withPulled(target, image, async (id) => {
        const command = ['/bin/sh', '-c', 'echo "$(/bin/id -u) $(/bin/pwd)"'];
        const { stdout } = await target.finished({ image: { image: id }, command }, signal);
        expectSame(stdout, ['0 /'], 'user and working directory');
      });
    },
  },
];

/** An index by the tag 1 of an image for another platform, which comes first, and of one for this. */
async function publishIndex(
  { publisher }: CriTarget,
  family: ManifestFamily,
): Promise<{ own: CaseImage; foreign: CaseImage; reference: string; digest: string }> {
  const repository = publisher.repository();
  const foreign = publisher.put(await publisher.build({ bare: true, architecture: otherArchitecture, family }), repository);
  const own = publisher.put(await publisher.build({ family }), repository);
  const digest = publisher.putIndex(repository, '1', [foreign, own], family);
  return { own, foreign, digest, reference: `${own.name}:1` };
}

async function pullsOwnPlatform(target: CriTarget, family: ManifestFamily): Promise<void> {
  const { publisher } = target;
  const { own, foreign, digest, reference } = await publishIndex(target, family);
  const name = reference.slice(0, reference.lastIndexOf(':'));
  for (const by of [reference, `${name}@${digest}`]) {
    const image = { ...publisher.put(own, publisher.repository()), reference: by };
    await withPulled(target, image, async (id) => {
      const { repoDigests } = await statusOf(target, id);
      expectTrue(repoDigests.includes(`${name}@${digest}`), `repo_digests lacks that of the index: ${repoDigests.join(', ')}`);
      expectEqual((await target.client.ImageStatus({ image: { image: foreign.id } })).image, null, 'the image for another platform');
    });
  }
}
