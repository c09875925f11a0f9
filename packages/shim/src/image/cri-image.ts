import type { Image } from '@berth/sdk/cri';
import { isUserId } from '../user-id.ts';
import type { InstalledImage } from './install.ts';
import { isDigestName, type NameRecord } from './records.ts';
import type { SharedStore } from './shared-store.ts';

/** All images of the store as CRI lists them. */
export async function listImages({ records }: SharedStore): Promise<Image[]> {
  const [images, names] = await Promise.all([records.images(), records.names()]);
  const namesOf = Map.groupBy(names, ({ image }) => image);
  return images.map((image) => criImage(image, namesOf.get(image.id) ?? []));
}

/** An image under its names, sorted. */
export function criImage(image: InstalledImage, records: NameRecord[]): Image {
  const names = records.map(({ name }) => name).toSorted();
  const user = image.config.user.split(':')[0] ?? '';
  const isUid = isUserId(user);
  return {
    id: image.id,
    repoTags: names.filter((name) => !isDigestName(name)),
    repoDigests: names.filter(isDigestName),
    size: BigInt(image.size),
    uid: isUid ? { value: BigInt(user) } : undefined,
    username: isUid ? '' : user,
    pinned: records.some(({ pinned }) => pinned),
  };
}
