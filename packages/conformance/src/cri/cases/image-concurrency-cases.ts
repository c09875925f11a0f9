import { expectEqual, expectSame } from '../../expect.ts';
import type { LayerEntry } from '../../layer-entry.ts';
import type { Case } from '../../suite.ts';
import { withCleanUp } from '../../with-clean-up.ts';
import type { PublishedImage } from '../image-publisher.ts';
import { logs, ownImages } from '../needs.ts';
import { expectAbsent, layerBytes, middle, publishWithLayer, scriptIn, statusOf, withPulled } from '../pulling.ts';
import type { CriTarget } from '../target.ts';

/** Pulls beside each other, beside removals, and ended by their client. */
export const imageConcurrencyCases: Case<CriTarget>[] = [
  {
    id: 'image.pulled-by-many',
    group: 'image',
    clause: 'eight pulls of one image at once all succeed with the same answer, and the image is whole (cri.proto, PullImage)',
    proves: ['PullImage', 'PullImageResponse.image_ref'],
    needs: [ownImages, logs],
    async run(target, signal) {
      const image = await publishWithLayer(target);
      await withPulled(target, image, async (id) => {
        await target.client.RemoveImage({ image: { image: id } });
        const answers = await Promise.all(Array.from({ length: 8 }, () => pull(target, image)));
        expectSame([...new Set(answers)], [id], 'different answers');
        expectEqual(await target.script('wc -c < /random', signal, { image: { image: id } }), String(layerBytes), 'bytes of the file');
      });
    },
  },
  {
    id: 'image.many-pulls',
    group: 'image',
    clause: 'ten images that share layers can be pulled, and removed, at once (cri.proto, PullImage)',
    proves: ['PullImage', 'RemoveImage', 'ListImages'],
    needs: [ownImages],
    async run(target) {
      const images = await Promise.all(Array.from({ length: 10 }, () => publishWithLayer(target)));
      await Promise.all(images.map((image) => withPulled(target, image, async (id) => void (await statusOf(target, id)))));
      for (const { reference } of images) await expectAbsent(target, reference);
    },
  },
  {
    id: 'image.pull-and-remove',
    group: 'image',
    clause: 'pulls and removals of one image at once leave it whole or absent: a later pull makes it usable (cri.proto, PullImage)',
    proves: ['PullImage', 'RemoveImage'],
    needs: [ownImages, logs],
    async run(target, signal) {
      const image = await publishWithLayer(target);
      for (let round = 0; round < 4; round++) {
        const removal = (reference: string): Promise<object> => target.client.RemoveImage({ image: { image: reference } });
        await Promise.allSettled([pull(target, image), removal(image.reference), pull(target, image), removal(image.id)]);
      }
      await target.alive();
      expectEqual(await scriptIn(target, image, 'wc -c < /random', signal), String(layerBytes), 'bytes of the file');
    },
  },
  {
    id: 'image.shared-layers',
    group: 'image',
    clause: 'the removal of one image takes no layer from another that is pulled at the same time (cri.proto, RemoveImage)',
    proves: ['PullImage', 'RemoveImage'],
    needs: [ownImages, logs],
    async run(target, signal) {
      const { client, publisher } = target;
      const layers: LayerEntry[][] = [[{ type: 'file', path: 'shared', content: 'whole\n' }]];
      const images = await Promise.all([1, 2].map(() => publisher.publish({ bare: true, layers })));
      const used = await publisher.publish({ layers });
      const remove = ({ id }: PublishedImage): Promise<object> => client.RemoveImage({ image: { image: id } });
      for (let round = 0; round < 16; round++) {
        // The one that came in a round is removed in the next one, while the other comes.
        await Promise.all(images.map((image, index) => (index === round % 2 ? pull(target, image) : remove(image))));
      }
      expectEqual(await scriptIn(target, used, 'cat /shared', signal), 'whole', 'the file of the layer');
      for (const image of images) await remove(image);
    },
  },
  {
    id: 'image.pull-given-up',
    group: 'image',
    clause: 'a pull that its client gives up in mid-layer leaves no image, and the next one succeeds (cri.proto, PullImage)',
    proves: ['PullImage'],
    needs: [ownImages, logs],
    async run(target, signal) {
      const image = await publishWithLayer(target);
      await whileStalled(target, image, async () => undefined);
      await expectAbsent(target, image.reference);
      await expectAbsent(target, image.id);
      expectEqual(await scriptIn(target, image, 'wc -c < /random', signal), String(layerBytes), 'bytes of the file');
    },
  },
  {
    id: 'image.pull-holds-up-none',
    group: 'image',
    clause: 'while a registry keeps one pull waiting, images are listed, pulled and removed (cri.proto, ImageService)',
    proves: ['PullImage', 'ListImages', 'RemoveImage'],
    needs: [ownImages],
    async run(target) {
      const [waiting, other] = await Promise.all([publishWithLayer(target), publishWithLayer(target)]);
      await whileStalled(target, waiting, async () => {
        await expectAbsent(target, waiting.reference);
        await withPulled(target, other, async (id) => void (await statusOf(target, id)));
        await target.client.ListImages({});
        await target.client.ImageFsInfo({});
      });
    },
  },
];

async function pull({ client }: CriTarget, { reference }: PublishedImage): Promise<string> {
  return (await client.PullImage({ image: { image: reference } })).imageRef;
}

/** Runs `work` while a pull of the image waits for the rest of its layer; the pull is then given up, and the registry mended. */
async function whileStalled(target: CriTarget, image: PublishedImage, work: () => Promise<void>): Promise<void> {
  const reached = Promise.withResolvers<void>();
  const givingUp = new AbortController();
  image.repository.faults = { stall: { offset: middle, reached: reached.resolve } };
  const pulling = target.client.PullImage({ image: { image: image.reference } }, { signal: givingUp.signal });
  const ended = pulling.then(
    () => undefined,
    () => undefined,
  );
  await withCleanUp(
    async () => {
      await Promise.race([reached.promise, pulling]);
      await work();
    },
    async () => {
      givingUp.abort();
      await ended;
      image.repository.faults = {};
    },
  );
}
