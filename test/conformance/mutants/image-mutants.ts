import { Image, type PullImageRequest } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { Mutation, RealServer } from '../mutant-server.ts';
import { creating, type Mutant } from './mutant.ts';

/** Rules about images: names, formats, logins, failed pulls, what their layers hold. */
export const imageMutants: Mutant[] = [
  {
    breaks: 'refuses a name without a tag',
    caughtBy: 'image.tag-default',
    saying: 'a tag is missing',
    mutation: pulling((request, { images }, signal) => {
      if (!/:[^/]+$/.test(nameIn(request))) throw new PluginError('INVALID_ARGUMENT', 'a tag is missing');
      return images.pullImage(request, { signal });
    }),
  },
  {
    breaks: 'gives an image that was pulled by digest a tag',
    caughtBy: 'image.digest-only',
    saying: 'repo_tags and repo_digests',
    mutation: describing((image) => ({ ...image, repoTags: image.repoTags.length > 0 ? image.repoTags : ['<none>:<none>'] })),
  },
  {
    breaks: 'pulls what the tag names where there is a digest, too',
    caughtBy: 'image.tag-and-digest',
    saying: 'image_ref of',
    mutation: pulling((request, { images }, signal) => {
      const image = request.image && { ...request.image, image: nameIn(request).replace(/(:\w+)@.*$/, '$1') };
      return images.pullImage({ ...request, image }, { signal });
    }),
  },
  {
    breaks: 'lists an image once for each of its tags',
    caughtBy: 'image.several-repositories',
    saying: 'times that it is listed: expected 1, got 2',
    mutation: ({ images }) => ({
      images: {
        async listImages(request) {
          const listed = await images.listImages(request);
          return { images: listed.images.flatMap((image) => image.repoTags.map((tag) => ({ ...image, repoTags: [tag] }))) };
        },
      },
    }),
  },
  {
    breaks: "doesn't ask the registry again for a tag that it has",
    caughtBy: 'image.tag-moved',
    saying: 'image_ref of',
    mutation: pulling(async (request, { images }, signal) => {
      const { image } = await images.imageStatus({ image: request.image, verbose: false });
      return image ? { imageRef: image.id } : images.pullImage(request, { signal });
    }),
  },
  {
    breaks: 'removes nothing by a digest',
    caughtBy: 'image.remove-by-name',
    saying: 'id that ImageStatus of',
    mutation: ({ images }) => ({
      images: { removeImage: async (request) => (request.image?.image.includes('@') ? {} : images.removeImage(request)) },
    }),
  },
  {
    breaks: 'tells another size by name than in a list',
    caughtBy: 'image.same-told',
    saying: 'what is listed',
    mutation: describing((image) => ({ ...image, size: image.size + 1n })),
  },
  {
    breaks: 'pins what was only pulled',
    caughtBy: 'image.not-pinned',
    saying: 'pinned: expected false',
    mutation: describing((image) => ({ ...image, pinned: true })),
  },
  {
    breaks: 'ignores the filter of ListImages',
    caughtBy: 'image.filter-unknown',
    saying: 'tags of the filtered list',
    mutation: ({ images }) => ({ images: { listImages: () => images.listImages({ filter: undefined }) } }),
  },
  {
    breaks: 'ignores the filter of StreamImages',
    caughtBy: 'image.stream-filter',
    saying: 'ids: expected',
    mutation: ({ images }) => ({ images: { streamImages: (_, { signal }) => images.streamImages({ filter: undefined }, { signal }) } }),
  },
  {
    breaks: 'forgets the digest of the index that an image came by',
    caughtBy: 'image.index',
    saying: 'repo_digests lacks that of the index',
    mutation: describing((image) => ({ ...image, repoDigests: [] })),
  },
  {
    breaks: 'tells the size of the manifest as that of the image',
    caughtBy: 'image.big-layer',
    saying: 'size is 1000, less than',
    mutation: describing((image) => ({ ...image, size: 1000n })),
  },
  {
    breaks: 'goes on using the credentials of an earlier pull',
    caughtBy: 'image.credentials-not-kept',
    saying: 'the call succeeded',
    mutation: (real) => {
      let last: PullImageRequest['auth'];
      return pulling((request, { images }, signal) => {
        last = request.auth ?? last;
        return images.pullImage({ ...request, auth: last }, { signal });
      })(real);
    },
  },
  {
    breaks: 'shows credentials to a registry that they are not for',
    caughtBy: 'image.server-address',
    saying: 'the call succeeded',
    mutation: pulling((request, { images }, signal) =>
      images.pullImage({ ...request, auth: request.auth && { ...request.auth, serverAddress: '' } }, { signal }),
    ),
  },
  {
    breaks: 'shows an identity token as if it were one for the registry',
    caughtBy: 'image.identity-token',
    saying: 'answered 401',
    mutation: pulling(({ auth, ...request }, { images }, signal) =>
      images.pullImage({ ...request, auth: auth && { ...auth, identityToken: '', registryToken: auth.identityToken } }, { signal }),
    ),
  },
  {
    breaks: 'takes a layer of any bytes',
    caughtBy: 'image.wrong-diff-id',
    saying: 'the call succeeded',
    mutation: pulling((request, { images }, signal) => images.pullImage(request, { signal }).catch(() => ({ imageRef: 'sha256:any' }))),
  },
  {
    breaks: 'keeps half an image when its pull has failed',
    caughtBy: 'image.truncated-layer',
    saying: 'id that ImageStatus of',
    mutation: keepingHalf({ givenUp: false }),
  },
  {
    breaks: 'keeps half an image when its pull was given up',
    caughtBy: 'image.pull-given-up',
    saying: 'id that ImageStatus of',
    mutation: keepingHalf({ givenUp: true }),
  },
  {
    breaks: 'never tries again what has failed once',
    caughtBy: 'image.registry-unavailable',
    saying: 'it has failed before',
    mutation: (real) => {
      const failed = new Set<string>();
      return pulling(async (request, { images }, signal) => {
        if (failed.has(nameIn(request))) throw new PluginError('UNAVAILABLE', 'it has failed before');
        failed.add(nameIn(request));
        const pulled = await images.pullImage(request, { signal });
        failed.delete(nameIn(request));
        return pulled;
      })(real);
    },
  },
  {
    breaks: 'refuses a pull while the image is being pulled',
    caughtBy: 'image.pulled-by-many',
    saying: 'it is being pulled',
    mutation: (real) => {
      const running = new Set<string>();
      return pulling(async (request, { images }, signal) => {
        if (running.has(nameIn(request))) throw new PluginError('ALREADY_EXISTS', 'it is being pulled');
        running.add(nameIn(request));
        return images.pullImage(request, { signal }).finally(() => running.delete(nameIn(request)));
      })(real);
    },
  },
  {
    breaks: 'lists no images while it pulls one',
    caughtBy: 'image.pull-holds-up-none',
    saying: 'it is busy pulling',
    mutation: (real) => {
      let running = 0;
      const { images: pulls } = pulling(async (request, { images }, signal) => {
        running++;
        return images.pullImage(request, { signal }).finally(() => running--);
      })(real);
      const listImages: typeof real.images.listImages = async (request) => {
        if (running > 0) throw new PluginError('ABORTED', 'it is busy pulling');
        return real.images.listImages(request);
      };
      return { images: { ...pulls, listImages: (request) => listImages(request) } };
    },
  },
  {
    breaks: 'takes capital letters for small ones',
    caughtBy: 'image.capital-letters',
    saying: 'the call succeeded',
    mutation: pulling(async () => ({ imageRef: 'sha256:any' })),
  },
  {
    breaks: 'tells the time of a measurement in seconds',
    caughtBy: 'image.filesystem',
    saying: 'nanoseconds are meant',
    mutation: ({ images }) => ({
      images: {
        async imageFsInfo(request) {
          const { imageFilesystems, ...rest } = await images.imageFsInfo(request);
          return {
            ...rest,
            imageFilesystems: imageFilesystems.map((usage) => ({ ...usage, timestamp: usage.timestamp / 1_000_000_000n })),
          };
        },
      },
    }),
  },
  {
    breaks: 'drops setuid and setgid bits of files in layers',
    caughtBy: 'image.file-attributes',
    saying: 'modes, owners and times: expected',
    mutation: tampering('chmod ug-s /modes/*'),
  },
  {
    breaks: 'unpacks a hard link as a file of its own',
    caughtBy: 'image.hard-links',
    saying: 'ended with 1: 3',
    mutation: tampering('cp /links/first /copy && mv /copy /links/second'),
  },
  {
    breaks: 'lets an opaque directory hide what comes before it in its own layer',
    caughtBy: 'image.opaque-order',
    saying: 'what is in the directory',
    mutation: tampering('rm /opaque/before'),
  },
];

function nameIn({ image }: PullImageRequest): string {
  return image?.image ?? '';
}

type Pull = (request: PullImageRequest, real: RealServer, signal: AbortSignal) => Promise<{ imageRef: string }>;

function pulling(pull: Pull): Mutation {
  return (real) => ({ images: { pullImage: async (request, { signal }) => pull(request, real, signal) } });
}

/** ImageStatus tells something else of a present image than what is. */
function describing(change: (image: Image) => Image): Mutation {
  return ({ images }) => ({
    images: {
      async imageStatus(request) {
        const response = await images.imageStatus(request);
        return { ...response, image: response.image && change(response.image) };
      },
    },
  });
}

/** An image whose pull was given up by its client, or has failed, is there all the same. */
function keepingHalf({ givenUp }: { givenUp: boolean }): Mutation {
  return (real) => {
    const half = new Set<string>();
    return {
      images: {
        async pullImage(request, { signal }) {
          if (givenUp) signal.addEventListener('abort', () => half.add(nameIn(request)));
          return real.images.pullImage(request, { signal }).catch((error: unknown) => {
            if (!givenUp) half.add(nameIn(request));
            throw error;
          });
        },
        async imageStatus(request) {
          const name = request.image?.image ?? '';
          if (half.has(name)) return { image: Image.fromPartial({ id: 'sha256:half', repoTags: [name], size: 1n }), info: {} };
          return real.images.imageStatus(request);
        },
      },
    };
  };
}

/** What a container runs finds other files than the layers hold. */
function tampering(script: string): Mutation {
  return creating((config) => {
    const [shell = 'sh', option = '-c', run = ''] = config.command;
    return { ...config, command: [shell, option, `${script}; ${run}`] };
  });
}
