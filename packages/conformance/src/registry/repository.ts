import { digestOf } from '../image-archive.ts';
import type { Faults } from './faults.ts';
import type { TokenAccess } from './token-server.ts';

/** How one repository is to behave. */
export interface RepositoryOptions {
  /** Only who logs in with these, by HTTP Basic, is served. */
  credentials?: { username: string; password: string };
  /** Only who shows a token is served: one of the registry's token server, or one that was agreed on. */
  token?: TokenAccess;
  /** Layers come with other bytes than their digest says. */
  corrupt?: boolean;
}

/** What the registry was asked for below one repository. */
export interface ReceivedRequest {
  method: string;
  /** `/v2/team/app/blobs/sha256:...` */
  path: string;
  range: string | undefined;
  authorization: string | undefined;
}

/** Manifests, tags and blobs under one name, and what goes wrong with them. */
export class Repository {
  readonly name: string;
  readonly options: RepositoryOptions;
  /** Digest by tag. */
  readonly tags = new Map<string, string>();
  readonly manifests = new Map<string, { mediaType: string; bytes: Buffer }>();
  /** Blobs that are kept in memory, by digest; others lie in the registry's directory. */
  readonly blobs = new Map<string, Buffer>();
  /** Oldest first. */
  readonly received: ReceivedRequest[] = [];
  /** Set and taken away by whoever serves the repository, also between requests. */
  faults: Faults = {};

  constructor(name: string, options: RepositoryOptions = {}) {
    this.name = name;
    this.options = options;
  }

  /** Serves a manifest or an index by its digest, which it gives, and by the tag if there is one. */
  putManifest(mediaType: string, bytes: Buffer, tag?: string): string {
    const digest = digestOf(bytes);
    this.manifests.set(digest, { mediaType, bytes });
    if (tag !== undefined) this.tags.set(tag, digest);
    return digest;
  }
}
