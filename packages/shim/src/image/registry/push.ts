import { createReadStream } from 'node:fs';
import { quoted } from '@berth/sdk/quoted';
import type { Descriptor } from '../blobs.ts';
import { isFollowed, shown } from './followed-address.ts';
import { HostFailure } from './host-failure.ts';
import type { Registry } from './registry.ts';
import type { RegistryClient } from './registry-client.ts';
import { memoryBody } from './transport.ts';

/** Uploads at once, as many as a pull downloads. */
const parallelUploads = 3;
const attempts = 3;
const firstPauseMs = 250;

/** An image of a store, to be put to a registry. */
export interface PushedImage {
  manifest: { bytes: Buffer; digest: string; mediaType: string };
  /** Configuration and layers. */
  blobs: Descriptor[];
  /** The file of a blob. */
  path(digest: string): string;
  /** Another repository of the same registry that is known to have had the blob, for it to be taken from. */
  repositoryWith(digest: string): string | undefined;
}

/**
 * Puts an image to the first host that has the capability `push`: what the registry lacks of its blobs, and then, when all are
 * there, the manifest under the reference's tag or digest.
 */
export async function pushImage(registry: Registry, image: PushedImage, signal: AbortSignal): Promise<void> {
  const [client] = registry.clients('push');
  if (!client) return;
  const { path: repository, tag, digest } = registry.reference;
  const failed = new AbortController();
  const within = AbortSignal.any([signal, failed.signal]);
  const waiting = [...new Map(image.blobs.map((blob) => [blob.digest, blob])).values()].values();
  const uploads = Array.from({ length: parallelUploads }, async () => {
    for (const blob of waiting) await new BlobUpload(client, repository, blob, image).run(within);
  });
  try {
    await Promise.all(uploads);
  } catch (error) {
    failed.abort(error);
    await Promise.allSettled(uploads);
    throw error;
  }
  await putManifest(client, repository, digest ?? tag ?? '', image.manifest, signal);
}

async function putManifest(
  client: RegistryClient,
  repository: string,
  tagOrDigest: string,
  { bytes, digest, mediaType }: PushedImage['manifest'],
  signal: AbortSignal,
): Promise<void> {
  const url = client.url(repository, `manifests/${tagOrDigest}`);
  const request = { method: 'PUT' as const, headers: { 'content-type': mediaType }, body: memoryBody(bytes) };
  const answer = await client.request(url, request, [200, 201, 202], signal);
  await client.discard(answer, url, signal);
  const stored = answer.headers['docker-content-digest'];
  if (stored === undefined || stored === digest) return;
  const what = `it stored the manifest as ${quoted(stored)} instead of ${digest}`;
  throw client.failures.wrong('DATA_LOSS', url, what, 'the registry is broken: ask who runs it');
}

/** One blob on its way to one repository. */
class BlobUpload {
  readonly #client: RegistryClient;
  readonly #repository: string;
  readonly #blob: Descriptor;
  readonly #image: PushedImage;

  constructor(client: RegistryClient, repository: string, blob: Descriptor, image: PushedImage) {
    this.#client = client;
    this.#repository = repository;
    this.#blob = blob;
    this.#image = image;
  }

  /** A connection that is cut begins again with the blob, which may be there meanwhile. */
  async run(signal: AbortSignal): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        if (!(await this.#isThere(signal))) await this.#upload(await this.#begin(signal), signal);
        return;
      } catch (error) {
        const isPassing = error instanceof HostFailure && error.kind === 'interrupted';
        if (!isPassing || attempt === attempts) throw error;
        await this.#client.pause(firstPauseMs * 2 ** (attempt - 1), signal);
      }
    }
  }

  async #isThere(signal: AbortSignal): Promise<boolean> {
    const url = this.#client.url(this.#repository, `blobs/${this.#blob.digest}`);
    const answer = await this.#client.request(url, { method: 'HEAD' }, [200, 404], signal);
    await this.#client.discard(answer, url, signal);
    return answer.statusCode === 200;
  }

  /** Where to upload to; undefined if the registry could take it from another of its repositories (distribution-spec, mounting a blob). */
  async #begin(signal: AbortSignal): Promise<URL | undefined> {
    const source = this.#image.repositoryWith(this.#blob.digest);
    if (source !== undefined) {
      try {
        return await this.#post({ mount: this.#blob.digest, from: source }, signal);
      } catch (error) {
        // Credentials for the one repository need not be good for the other.
        if (!(error instanceof HostFailure) || error.kind !== 'refused') throw error;
      }
    }
    return this.#post({}, signal);
  }

  async #post(query: Record<string, string>, signal: AbortSignal): Promise<URL | undefined> {
    const url = this.#client.url(this.#repository, 'blobs/uploads/');
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const answer = await this.#client.request(url, { method: 'POST', body: memoryBody('') }, [201, 202], signal);
    await this.#client.discard(answer, url, signal);
    if (answer.statusCode === 201) return undefined;
    const { location = '' } = answer.headers;
    const target = URL.parse(location, url.href);
    if (target && location && isFollowed(target, url)) return target;
    const what = `it wants the upload at ${shown(location)}`;
    throw this.#client.failures.wrong('UNAVAILABLE', url, what, 'the registry must name an https address');
  }

  async #upload(target: URL | undefined, signal: AbortSignal): Promise<void> {
    if (!target) return;
    const { digest, size } = this.#blob;
    target.searchParams.set('digest', digest);
    const body = { length: size, open: () => createReadStream(this.#image.path(digest)) };
    const request = { method: 'PUT' as const, headers: { 'content-type': 'application/octet-stream' }, body };
    const answer = await this.#client.request(target, request, [201, 204], signal);
    await this.#client.discard(answer, target, signal);
  }
}
