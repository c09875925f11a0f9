import { randomBytes } from 'node:crypto';
import type { PluginError } from '@berth/sdk/errors';
import { expectEqual, expectTrue, present } from '../expect.ts';
import type { LayerEntry } from '../layer-entry.ts';
import { refusalOf } from '../refusals.ts';
import { ImageRegistry, type Repository } from '../registry/image-registry.ts';
import { withCleanUp } from '../with-clean-up.ts';
import type { PublishedImage } from './image-publisher.ts';
import type { AuthConfig, Image } from './messages.ts';
import type { CriTarget } from './target.ts';

/** Of a layer that is large enough for a connection to break, or to stall, in its middle. */
export const layerBytes = 400_000;
export const middle = 150_000;

/** What a pull may take that the registry makes fail, in milliseconds: longer is a hang. */
const failedPullMs = 50_000;

interface PullOptions {
  /** Default: the image's name with its tag. */
  reference?: string;
  auth?: AuthConfig;
}

/** A layer with the file `/random`. */
export function randomLayer(): LayerEntry[] {
  return [{ type: 'file', path: 'random', content: randomBytes(layerBytes) }];
}

/** Publishes an image with a layer that no other image has. `bare`: without the programs that a container of it would need. */
export async function publishWithLayer({ publisher }: CriTarget, { bare = false } = {}): Promise<PublishedImage> {
  return publisher.publish({ bare, layers: [randomLayer()] });
}

/** Runs `work` with an image that has been pulled and is what was published; it is removed afterwards. */
export async function withPulled<Result>(
  { client }: CriTarget,
  image: PublishedImage,
  work: (imageRef: string) => Promise<Result>,
  { reference = image.reference, auth }: PullOptions = {},
): Promise<Result> {
  return withCleanUp(
    async () => {
      const { imageRef } = await client.PullImage({ image: { image: reference }, ...(auth && { auth }) });
      expectEqual(imageRef, image.id, `image_ref of ${reference}, whose configuration has that digest`);
      return work(imageRef);
    },
    async () => {
      await client.RemoveImage({ image: { image: image.id } });
      await client.RemoveImage({ image: { image: reference } });
    },
  );
}

/** What a shell script prints in a container of an image that is pulled for it. */
export async function scriptIn(target: CriTarget, image: PublishedImage, script: string, signal: AbortSignal): Promise<string> {
  return withPulled(target, image, (id) => target.script(script, signal, { image: { image: id } }));
}

/** The image, or a failure: it has to be there. */
export async function statusOf({ client }: CriTarget, reference: string): Promise<Image> {
  return present((await client.ImageStatus({ image: { image: reference } })).image, `image ${reference}`);
}

/** Throws if an image is known by that name or id. */
export async function expectAbsent({ client }: CriTarget, reference: string): Promise<void> {
  expectEqual(
    (await client.ImageStatus({ image: { image: reference } })).image?.id,
    undefined,
    `id that ImageStatus of ${reference} answers`,
  );
}

/** Throws unless the pull fails, in time, says why, and leaves no image. */
export async function expectPullFails(
  target: CriTarget,
  image: Pick<PublishedImage, 'reference' | 'id'>,
  what: string,
  auth?: AuthConfig,
): Promise<PluginError> {
  const { reference, id } = image;
  const request = { image: { image: reference }, ...(auth && { auth }) };
  const refusal = await refusalOf(target.client.PullImage(request, { deadlineMs: failedPullMs }), `PullImage of ${what}`);
  // A registry's failure may well be UNAVAILABLE; so is a server that has crashed.
  await target.alive();
  if (refusal.code === 'DEADLINE_EXCEEDED') throw new Error(`PullImage of ${what}: it doesn't end: ${refusal.message}`);
  expectTrue(refusal.message.trim() !== '', `PullImage of ${what} doesn't say why it failed`);
  await expectAbsent(target, reference);
  await expectAbsent(target, id);
  const { images } = await target.client.ListImages({});
  expectTrue(
    !images.some((listed) => listed.id === id || listed.repoTags.includes(reference)),
    `${what} is listed after its pull has failed`,
  );
  return refusal;
}

/** The same; and once the registry's faults are taken away, the image can be pulled. */
export async function expectPullFailsUntilMended(target: CriTarget, image: PublishedImage, what: string): Promise<void> {
  await expectPullFails(target, image, what);
  image.repository.faults = {};
  await withPulled(target, image, async (id) => void (await statusOf(target, id)));
}

/** Runs `work` with a repository on another host, by name and port, that has the image's blobs too. */
export async function withCopyElsewhere(
  { repository }: PublishedImage,
  work: (copy: Repository, host: string) => Promise<void>,
): Promise<void> {
  const elsewhere = await ImageRegistry.start();
  await withCleanUp(
    async () => {
      const copy = elsewhere.addRepository(repository.name);
      for (const [digest, bytes] of repository.blobs) copy.blobs.set(digest, bytes);
      await work(copy, `localhost:${elsewhere.host.split(':')[1]}`);
    },
    () => elsewhere.close(),
  );
}
