import type { AuthConfig, FilesystemUsage, Image, PodSandboxConfig } from '@berth/sdk/cri';

/**
 * The images of a shim. Two implementations: the layered store (`store.ts`), shared by the runtimes that want a root
 * file system, and the named one (`named.ts`) for a runtime whose images are only names.
 *
 * Everywhere `reference` is what a user writes (`busybox`, `host:5000/a/b:tag`, `name@sha256:...`) or an image id
 * (`sha256:...`, its unique prefix of at least 12 digits too).
 */
export interface Images {
  /** Makes the image present and gives its id; asks the registry even if the tag is present. */
  pull(reference: string, options: PullOptions, signal: AbortSignal): Promise<string>;
  list(): Promise<Image[]>;
  /** Undefined for an absent image: CRI's ImageStatus doesn't call that an error. */
  status(reference: string): Promise<Image | undefined>;
  /** Removes the image with all its tags; an absent one is no error, one in use by a container is FAILED_PRECONDITION. */
  remove(reference: string): Promise<void>;
  usage(): Promise<FilesystemUsage[]>;
  /** Config and layers of a present image, which stay until `release` of the same `user` (a container id). */
  use(reference: string, user: string): Promise<UsableImage>;
  release(user: string): Promise<void>;
  /** After a restart, before it is used: lets go of what its users held that are gone, and removes what processes that died have left. */
  recover?(isUser: (user: string) => boolean): Promise<void>;
  /** What a person may want to know of a present image: `verbose` of CRI ImageStatus. Left out: there is nothing to tell. */
  inspect?(reference: string): Promise<Record<string, unknown> | undefined>;
}

export interface PullOptions {
  auth: AuthConfig | undefined;
  /** The pod that the image is pulled for, where the client said so. */
  sandbox: PodSandboxConfig | undefined;
}

export interface UsableImage {
  id: string;
  config: ImageConfig;
  /** Unpacked layers for overlayfs, topmost first as in `lowerdir=`; empty where images are only names. */
  layers: string[];
}

/** The part of the OCI image configuration that a container starts from (image-spec config.md). */
export interface ImageConfig {
  entrypoint: string[];
  cmd: string[];
  env: string[];
  workingDir: string;
  /** `user`, `uid`, `user:group` or `uid:gid`; empty for root. */
  user: string;
  stopSignal: string;
  volumes: string[];
}
