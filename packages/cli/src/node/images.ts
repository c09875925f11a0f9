import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from '@berth/sdk/connect';
import {
  type AuthConfig,
  type Image,
  ImageServiceService,
  ImageStatusRequest,
  ListImagesRequest,
  PullImageRequest,
  RemoveImageRequest,
} from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { LayeredImages } from '@berth/shim/image/store';
import type { Directories } from '../configuration/directories.ts';

/** One name of one image, as `berth image ls` lists it. */
export interface ImageListing {
  name: string;
  id: string;
  /** Bytes. */
  size: number;
  digests: string[];
}

/** What `berth image` does, on the node's own store or on a CRI server's. */
export interface ImageCommands {
  list(): Promise<ImageListing[]>;
  remove(reference: string): Promise<void>;
  /** Gives the image's id. */
  pull(reference: string, auth?: AuthConfig): Promise<string>;
  /** To the registry of its name; gives the manifest's digest. */
  push(reference: string, auth?: AuthConfig): Promise<string>;
  /** Gives the names that the archive brought. */
  load(file: string, signal?: AbortSignal): Promise<string[]>;
}

const pullTimeoutMs = 600_000;

/** `registryConfigPath` as in berth.yaml, `registry.configPath`. */
export function openImages(endpoint: string | undefined, { root }: Directories, registryConfigPath?: string): ImageCommands {
  return endpoint === undefined ? storeImages(root, registryConfigPath) : criImages(endpoint);
}

/** The node's layered store: safe to use while shims use it. */
export function storeImages(root: string, registryConfigPath?: string): ImageCommands {
  const directory = join(root, 'images');
  const images = new LayeredImages(directory, registryConfigPath);
  return {
    list: () => permitted(directory, async () => (await images.list()).flatMap(listings)),
    remove: (reference) =>
      permitted(directory, async () => {
        if (!(await images.status(reference))) throw noSuchImage(reference);
        await images.remove(reference);
      }),
    pull: (reference, auth) =>
      permitted(directory, () => images.pull(reference, { auth, sandbox: undefined }, AbortSignal.timeout(pullTimeoutMs))),
    push: (reference, auth) => permitted(directory, () => images.push(reference, auth, AbortSignal.timeout(pullTimeoutMs))),
    load: (file, signal) =>
      permitted(directory, async () => {
        const limit = AbortSignal.timeout(pullTimeoutMs);
        const loaded = await images.load(file, {}, signal ? AbortSignal.any([signal, limit]) : limit);
        return loaded.flatMap(({ names, id }) => (names.length > 0 ? names : [id]));
      }),
  };
}

/** Says what to do where this user may not use the store. */
async function permitted<Result>(directory: string, work: () => Promise<Result>): Promise<Result> {
  try {
    await access(directory).catch(absent);
    return await work();
  } catch (error) {
    // A registry that refuses is PERMISSION_DENIED, too.
    const { code, path } = ((error instanceof PluginError ? error.cause : error) ?? {}) as NodeJS.ErrnoException;
    if (code !== 'EACCES' && code !== 'EPERM') throw error;
    throw new PluginError('PERMISSION_DENIED', `this user may not use it${path === undefined ? '' : ` (${path})`}`, {
      object: `image store ${directory}`,
      hint: 'run berth as root, or name a directory of your own by --root',
      cause: error,
    });
  }
}

function absent(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

function noSuchImage(reference: string): PluginError {
  return new PluginError('NOT_FOUND', 'there is no such image', { object: `image ${reference}`, hint: 'list them with "berth image ls"' });
}

function criImages(endpoint: string): ImageCommands {
  const using = async <Result>(work: (images: ReturnType<typeof client>) => Promise<Result>): Promise<Result> => {
    const connected = client(endpoint);
    try {
      return await work(connected);
    } finally {
      connected.close();
    }
  };
  return {
    list: () => using(async (images) => (await images.listImages(ListImagesRequest.create({}))).images.flatMap(listings)),
    remove: (reference) =>
      using(async (images) => {
        const image = { image: reference };
        // CRI's RemoveImage succeeds on what isn't there.
        if (!(await images.imageStatus(ImageStatusRequest.fromPartial({ image }))).image) throw noSuchImage(reference);
        await images.removeImage(RemoveImageRequest.fromPartial({ image }));
      }),
    pull: (reference, auth) =>
      using(async (images) => {
        const request = PullImageRequest.fromPartial({ image: { image: reference }, ...(auth && { auth }) });
        return (await images.pullImage(request, { deadlineMs: pullTimeoutMs })).imageRef;
      }),
    push: () => {
      throw new PluginError('UNIMPLEMENTED', 'CRI has no call that pushes an image', {
        object: endpoint,
        hint: `use the runtime's own command, for containerd "ctr -n k8s.io images push NAME"`,
      });
    },
    load: () => {
      throw new PluginError('UNIMPLEMENTED', 'CRI has no call that loads an archive', {
        object: endpoint,
        hint: `use the runtime's own command, for containerd "ctr -n k8s.io images import FILE"`,
      });
    },
  };
}

function client(endpoint: string) {
  return connect(ImageServiceService, endpoint);
}

function listings(image: Image): ImageListing[] {
  const names = image.repoTags.length > 0 ? image.repoTags : ['<none>'];
  return names.map((name) => ({ name, id: image.id, size: Number(image.size), digests: image.repoDigests }));
}
