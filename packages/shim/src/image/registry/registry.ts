import type { AuthConfig } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { nameOf, type Reference } from '@berth/sdk/image-reference';
import type { Descriptor } from '../blobs.ts';
import { digestOf } from '../digest.ts';
import { freePiece } from '../free-piece.ts';
import type { BlobSource } from '../install.ts';
import { BrokenDocument, longestManifest, manifestMediaTypes, parseManifest } from '../manifest.ts';
import { HostFailure } from './host-failure.ts';
import { RegistryClient } from './registry-client.ts';
import type { Capability, RegistryHost } from './registry-host.ts';
import { registryHosts } from './registry-hosts.ts';
import type { Patience } from './transport.ts';

/** How long is waited, and how often something is tried again. */
export interface RegistryPatience extends Patience {
  /** A download is given up after so many attempts that bring nothing new, or when they have taken so long. */
  attempts: number;
  fruitlessMs: number;
  /** Before the second attempt; doubled each time. */
  firstPauseMs: number;
}

const patience: RegistryPatience = {
  idleMs: 30_000,
  wholeMs: 120_000,
  commitMs: 300_000,
  attempts: 7,
  fruitlessMs: 90_000,
  firstPauseMs: 250,
};
const longestPauseMs = 5_000;
/** An attempt that brings fewer bytes counts as one that brought none: otherwise a registry could drop a connection per byte. */
const leastProgress = 64 * 1024;

export interface RegistryOptions {
  auth: AuthConfig | undefined;
  /** See `registryHosts`. */
  configPath: string;
  access?: 'pull' | 'pull,push';
  patience?: Partial<RegistryPatience>;
}

interface Delivery {
  /** Whose hosts sent something of it, in the order in which they did. */
  senders: Set<RegistryClient>;
  /** Of the hosts that failed for good. */
  failures: Map<RegistryClient, HostFailure>;
  /** The bytes were wrong: those that failed are not asked for this blob again. */
  isRejected: boolean;
}

/** Reads the configuration of the registry's hosts, and is ready to ask them. To be closed. */
export async function openRegistry(reference: Reference, options: RegistryOptions): Promise<Registry> {
  return new Registry(reference, await registryHosts(options.configPath, reference.domain), options);
}

/**
 * The OCI distribution protocol for one repository: its mirrors are asked first, in their order, and the registry itself last. Where none
 * of several has what is asked for, the error names each and why; its code is the last one's, the registry's own.
 * A host that has sent wrong bytes is asked for nothing more.
 */
export class Registry implements BlobSource {
  readonly reference: Reference;
  readonly #object: string;
  readonly #clients: RegistryClient[];
  readonly #patience: RegistryPatience;
  /** Clients whose hosts have answered, and those that were given up: these are asked for the rest when no other has it. */
  readonly #answered = new Set<RegistryClient>();
  readonly #givenUp = new Set<RegistryClient>();
  /** Clients whose hosts sent wrong bytes, and what: these are asked for nothing more. */
  readonly #distrusted = new Map<RegistryClient, HostFailure>();
  /** By blob, how it came when it was last opened. */
  readonly #deliveries = new Map<string, Delivery>();

  constructor(reference: Reference, hosts: RegistryHost[], { auth, access = 'pull', patience: given }: RegistryOptions) {
    this.reference = reference;
    this.#object = `image ${nameOf(reference)}`;
    this.#patience = { ...patience, ...given };
    const { domain, path } = reference;
    const options = { object: this.#object, domain, auth, scope: `repository:${path}:${access}`, patience: this.#patience };
    this.#clients = hosts.map((host) => new RegistryClient(host, options));
  }

  /** The manifest or index of a tag or digest, checked against the digest. */
  async manifest(tagOrDigest: string, signal: AbortSignal): Promise<Buffer> {
    const failures = new Map<RegistryClient, HostFailure>();
    for (const client of this.clients(isDigest(tagOrDigest) ? 'pull' : 'resolve')) {
      try {
        const bytes = await this.#manifestOf(client, tagOrDigest, signal);
        this.#answered.add(client);
        return bytes;
      } catch (error) {
        failures.set(client, this.#noted(client, error));
      }
    }
    throw this.#none(failures);
  }

  /** A connection that is cut in the middle goes on where it stopped, and on the next host where one fails for good. */
  async *open(blob: Descriptor, signal: AbortSignal, from = 0): AsyncGenerator<Uint8Array> {
    const before = this.#deliveries.get(blob.digest);
    const failures = new Map(before?.isRejected ? before.failures : []);
    this.#deliveries.set(blob.digest, { senders: new Set(), failures, isRejected: false });
    let at = from;
    for (const client of this.clients('pull')) {
      // It may have been found out while another host was asked.
      if (failures.has(client) || this.#distrusted.has(client)) continue;
      try {
        for await (const chunk of this.#patiently(client, blob, at, signal)) {
          at += chunk.length;
          yield chunk;
        }
        return;
      } catch (error) {
        failures.set(client, this.#noted(client, error));
      }
    }
    throw this.#none(failures);
  }

  origin({ digest }: Descriptor): string {
    const sender = [...(this.#deliveries.get(digest)?.senders ?? [])].at(-1);
    return sender ? `${this.#object}, from ${sender.host.name}` : this.#object;
  }

  /** Where several hosts sent a part, any may be wrong: none is distrusted for it, and the last, which alone didn't fail, is to send the whole. */
  reject({ digest }: Descriptor, reason: string): boolean {
    const delivery = this.#deliveries.get(digest);
    const [sender, ...more] = delivery?.senders ?? [];
    if (!delivery || !sender) return false;
    delivery.isRejected = true;
    if (more.length === 0) {
      const url = sender.url(this.reference.path, `blobs/${digest}`);
      const what = `it sent wrong bytes for the blob ${digest}: ${reason}`;
      this.#distrusted.set(sender, sender.failures.wrong('DATA_LOSS', url, what, 'the registry is broken or lies: ask who runs it'));
    }
    return this.#clients.length > 1;
  }

  /** Clients of the hosts that can do it, in the order in which to ask them; none where all of these have sent wrong bytes. */
  clients(capability: Capability): RegistryClient[] {
    const able = this.#clients.filter(({ host }) => host.capabilities.includes(capability));
    if (able.length > 0) {
      const trusted = able.filter((client) => !this.#distrusted.has(client));
      return trusted.toSorted((a, b) => Number(this.#givenUp.has(a)) - Number(this.#givenUp.has(b)));
    }
    throw new PluginError('FAILED_PRECONDITION', `no host of ${this.reference.domain} has the capability ${capability}`, {
      object: this.#object,
      hint: `give it to one in the hosts.toml of ${this.reference.domain}`,
    });
  }

  /** Ends all connections. */
  close(): void {
    for (const client of this.#clients) client.close();
  }

  async #manifestOf(client: RegistryClient, tagOrDigest: string, signal: AbortSignal): Promise<Buffer> {
    const url = client.url(this.reference.path, `manifests/${tagOrDigest}`);
    const answer = await client.request(url, { method: 'GET', headers: { accept: manifestMediaTypes.join(', ') } }, [200], signal);
    const bytes = await client.readAll(answer, url, longestManifest, signal);
    const digest = digestOf(bytes);
    const announced = isDigest(tagOrDigest) ? tagOrDigest : answer.headers['docker-content-digest'];
    if (typeof announced === 'string' && announced.startsWith('sha256:') && digest !== announced) {
      const what = `the manifest has the digest ${digest} instead of ${announced}`;
      throw client.failures.wrong('DATA_LOSS', url, what, 'the registry is broken or lies: ask who runs it');
    }
    // What has the digest that was asked for is no fault of the host, whatever it is.
    if (!isDigest(tagOrDigest)) this.#checkManifest(client, bytes, url);
    return bytes;
  }

  #checkManifest(client: RegistryClient, bytes: Buffer, url: URL): void {
    try {
      parseManifest(bytes, this.#object);
    } catch (error) {
      if (!(error instanceof BrokenDocument)) throw error;
      const what = `what it gave is no manifest: ${error.reason}`;
      throw client.failures.wrong('DATA_LOSS', url, what, 'push the image again, or ask who runs the registry');
    }
  }

  async *#patiently(client: RegistryClient, blob: Descriptor, from: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    let [at, mark, fruitless, since] = [from, from, 0, performance.now()];
    for (;;) {
      try {
        for await (const chunk of this.#bytes(client, blob, at, signal)) {
          at += chunk.length;
          yield chunk;
        }
        return;
      } catch (error) {
        if (at - mark >= leastProgress) [fruitless, since] = [0, performance.now()];
        mark = at;
        fruitless++;
        const isOver = fruitless >= this.#patience.attempts || performance.now() - since >= this.#patience.fruitlessMs;
        if (isOver || !this.#isPassing(client, error)) throw error;
        await client.pause(Math.min(this.#patience.firstPauseMs * 2 ** (fruitless - 1), longestPauseMs), signal);
      }
    }
  }

  /** One attempt. A registry that knows no ranges sends what is there already again; it is passed over. */
  async *#bytes(client: RegistryClient, { digest, size }: Descriptor, from: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const url = client.url(this.reference.path, `blobs/${digest}`);
    const headers: Record<string, string> = from > 0 ? { range: `bytes=${from}-` } : {};
    const answer = await client.request(url, { method: 'GET', headers }, from > 0 ? [200, 206, 416] : [200], signal);
    this.#answered.add(client);
    this.#deliveries.get(digest)?.senders.add(client);
    const start = answer.statusCode === 206 ? Number(/^bytes (\d+)-/.exec(answer.headers['content-range'] ?? '')?.[1]) : 0;
    if (answer.statusCode === 416 || (start !== 0 && start !== from)) {
      await client.discard(answer, url, signal);
      const what = `of the blob ${digest} of ${size} bytes it gives none from byte ${from}`;
      throw client.failures.wrong('DATA_LOSS', url, what, 'the registry is broken or lies: ask who runs it');
    }
    let skip = from - start;
    for await (const chunk of client.chunks(answer, url, signal)) {
      const { length } = chunk;
      if (skip < length) yield skip > 0 ? chunk.subarray(skip) : chunk;
      skip = Math.max(skip - length, 0);
      freePiece(chunk);
    }
  }

  /** Whether the same host may do it when it is asked again; one that was never reached won't in the time that a pull has. */
  #isPassing(client: RegistryClient, error: unknown): boolean {
    if (!(error instanceof HostFailure)) return false;
    return error.kind === 'interrupted' || (error.kind === 'unreachable' && this.#answered.has(client));
  }

  /** What isn't the host's failure, such as the end of the pull, is thrown on. */
  #noted(client: RegistryClient, error: unknown): HostFailure {
    if (!(error instanceof HostFailure)) throw error;
    if (error.kind !== 'refused') this.#givenUp.add(client);
    return error;
  }

  /** In the order of the configuration, whatever the order of asking was: the last one's word is the registry's own. */
  #none(failures: Map<RegistryClient, HostFailure>): PluginError {
    const failureOf = (client: RegistryClient) => failures.get(client) ?? this.#distrusted.get(client);
    const inOrder = this.#clients.map(failureOf).filter((failure) => failure !== undefined);
    const last = inOrder.at(-1);
    if (last && inOrder.length === 1) return last;
    const reasons = inOrder.map(({ short }) => short).join('; ');
    return new PluginError(last?.code ?? 'UNAVAILABLE', `none of ${inOrder.length} hosts gave it: ${reasons}`, {
      object: this.#object,
      hint: last?.hint ?? 'try again',
      cause: last,
    });
  }
}

function isDigest(tagOrDigest: string): boolean {
  return tagOrDigest.includes(':');
}
