import { join } from 'node:path';
import { connect } from '@berth/sdk/connect';
import { type Image, ImageServiceService, ListImagesRequest, PullImageRequest, RemoveImageRequest } from '@berth/sdk/cri';
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
  pull(reference: string): Promise<string>;
  /** Gives the names that the archive brought. */
  load(file: string): Promise<string[]>;
}

const pullTimeoutMs = 600_000;

export function openImages(endpoint: string | undefined, { root }: Directories): ImageCommands {
  return endpoint === undefined ? storeImages(root) : criImages(endpoint);
}

/** The node's layered store: safe to use while shims use it. */
export function storeImages(root: string): ImageCommands {
  const images = new LayeredImages(join(root, 'images'));
  return {
    list: async () => (await images.list()).flatMap(listings),
    remove: (reference) => images.remove(reference),
    pull: (reference) => images.pull(reference, { auth: undefined, sandbox: undefined }, AbortSignal.timeout(pullTimeoutMs)),
    load: async (file) =>
      (await images.load(file, {}, AbortSignal.timeout(pullTimeoutMs))).flatMap((loaded) =>
        loaded.names.length > 0 ? loaded.names : [loaded.id],
      ),
  };
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
      using(async (images) => void (await images.removeImage(RemoveImageRequest.fromPartial({ image: { image: reference } })))),
    pull: (reference) =>
      using(
        async (images) =>
          (await images.pullImage(PullImageRequest.fromPartial({ image: { image: reference } }), { deadlineMs: pullTimeoutMs })).imageRef,
      ),
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
