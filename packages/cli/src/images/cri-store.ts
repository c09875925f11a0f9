import { connect } from '@berth/sdk/connect';
import { ImageServiceService, ImageStatusRequest, ListImagesRequest, PullImageRequest, RemoveImageRequest } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { type ImageStore, listings, registryTimeoutMs } from './image-store.ts';

/** The images of any CRI server, as far as CRI goes. */
export function criStore(endpoint: string): ImageStore {
  const using = async <Result>(work: (images: ReturnType<typeof client>) => Promise<Result>): Promise<Result> => {
    const connected = client(endpoint);
    try {
      return await work(connected);
    } finally {
      connected.close();
    }
  };
  /** `cure`: the same by containerd's own command. */
  const beyondCri = (what: string, cure: string) => async (): Promise<never> => {
    throw new PluginError('UNIMPLEMENTED', `CRI has no call that ${what}`, {
      object: endpoint,
      hint: `use the runtime's own command, for containerd "${cure}"`,
    });
  };
  const label = 'io.cri-containerd.pinned';
  return {
    list: () => using(async (images) => (await images.listImages(ListImagesRequest.create({}))).images.flatMap(listings)),
    remove: (reference) =>
      using(async (images) => {
        const image = { image: reference };
        // CRI's RemoveImage succeeds on what isn't there.
        if (!(await images.imageStatus(ImageStatusRequest.fromPartial({ image }))).image) throw noSuchImage(reference);
        await images.removeImage(RemoveImageRequest.fromPartial({ image }));
        return 'removed' as const;
      }),
    pull: (reference, auth, signal) =>
      using(async (images) => {
        const request = PullImageRequest.fromPartial({ image: { image: reference }, ...(auth && { auth }) });
        return (await images.pullImage(request, { deadlineMs: registryTimeoutMs, signal })).imageRef;
      }),
    push: beyondCri('pushes an image', 'ctr -n k8s.io images push NAME'),
    load: beyondCri('loads an archive', 'ctr -n k8s.io images import FILE'),
    tag: beyondCri('names an image', 'ctr -n k8s.io images tag IMAGE NAME'),
    save: beyondCri('saves an image', 'ctr -n k8s.io images export FILE IMAGE'),
    commit: beyondCri('commits a container', 'nerdctl -n k8s.io commit CONTAINER NAME'),
    pin: beyondCri('pins an image', `ctr -n k8s.io images label IMAGE ${label}=pinned`),
    unpin: beyondCri('unpins an image', `ctr -n k8s.io images label IMAGE ${label}=`),
    prune: beyondCri('removes images nobody uses', 'crictl rmi --prune'),
  };
}

function client(endpoint: string) {
  return connect(ImageServiceService, endpoint);
}

function noSuchImage(reference: string): PluginError {
  return new PluginError('NOT_FOUND', 'there is no such image', { object: `image ${reference}`, hint: 'list them with "berth image ls"' });
}
