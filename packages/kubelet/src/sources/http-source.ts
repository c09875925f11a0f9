import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { formatProblem, readManifest } from '@berth/api/manifest';
import type { Pod } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import { dialError } from '../handlers/dial-error.ts';
import { podOfManifest } from './manifest-pod.ts';
import { manifestText } from './manifest-text.ts';
import type { PodSource, SourceUpdate } from './pod-source.ts';
import { staticPod } from './static-pod.ts';

/** Named after the fields of KubeletConfiguration. */
interface HttpSourceOptions {
  staticPodURL: string;
  /** Sent with each request. */
  staticPodURLHeader?: Record<string, string[]>;
  /** Default 20 s, kubelet's. */
  httpCheckFrequencyMs?: number;
  nodeName: string;
  /** Puts the node's name behind the pods' names. */
  namedByNode?: boolean;
}

const defaultCheckMs = 20_000;
/** kubelet's (kubelet/config/http.go). */
const clientLimitMs = 10_000;
/** Characters that an error tells of an answer. */
const longestExcerpt = 80;

/**
 * Pods from a URL that answers with a Pod or a PodList, in YAML or JSON. While it answers with anything else, the pods of its last good answer
 * go on; until the first good one the source hasn't been read.
 */
export class HttpSource implements PodSource {
  readonly name = 'http';
  readonly #options: HttpSourceOptions;
  #text: string | undefined;
  #pods: Pod[] | undefined;

  constructor(options: HttpSourceOptions) {
    this.#options = options;
  }

  async *updates(signal: AbortSignal): AsyncGenerator<SourceUpdate, void> {
    let told: string | undefined;
    while (!signal.aborted) {
      const update = await this.#read(signal);
      const fingerprint = JSON.stringify(update);
      if (fingerprint !== told && !signal.aborted) yield update;
      told = fingerprint;
      await delay(this.#options.httpCheckFrequencyMs ?? defaultCheckMs, undefined, { signal }).catch(() => {});
    }
  }

  async #read(signal: AbortSignal): Promise<SourceUpdate> {
    const problems = await this.#ask(signal);
    return { pods: this.#pods ?? [], problems, ...(this.#pods === undefined && { unread: true }) };
  }

  /** What is wrong with the answer, a message each. */
  async #ask(signal: AbortSignal): Promise<string[]> {
    try {
      const text = await this.#fetch(AbortSignal.any([signal, AbortSignal.timeout(clientLimitMs)]));
      if (text === this.#text) return [];
      const { pods, problems } = this.#parse(text);
      if (problems.length > 0) return problems;
      [this.#text, this.#pods] = [text, pods];
      return [];
    } catch (thrown) {
      return [this.#failure(thrown).message];
    }
  }

  /** Without what a URL may hold of secrets. */
  get #subject(): string {
    const { origin, pathname } = new URL(this.#options.staticPodURL);
    return `${origin}${pathname}`;
  }

  async #fetch(signal: AbortSignal): Promise<string> {
    const { url, headers } = requestOf(this.#options);
    const response = await fetch(url, { headers, signal });
    const text = await manifestText(response.body ?? Readable.from([]), {
      object: this.#subject,
      hint: `let it answer with this node's pods alone${this.#goesOn}`,
    });
    if (response.status === 200) return text;
    throw new PluginError('UNAVAILABLE', `it answered ${[response.status, response.statusText].join(' ').trim()}${excerptOf(text)}`, {
      object: this.#subject,
      hint: `correct staticPodURL, or what its server answers${this.#goesOn}`,
    });
  }

  #failure(thrown: unknown): PluginError {
    if (thrown instanceof PluginError) return thrown;
    const hint = `correct staticPodURL, or let a server answer there${this.#goesOn}`;
    return new PluginError('UNAVAILABLE', reasonOf(thrown, new URL(this.#options.staticPodURL).host), {
      object: this.#subject,
      hint,
      cause: thrown,
    });
  }

  get #goesOn(): string {
    return this.#pods === undefined ? '' : ': until then its pods of before go on';
  }

  #parse(text: string): { pods: Pod[]; problems: string[] } {
    if (text.trim() === '') return { pods: [], problems: [`${this.#subject}: the answer is empty; give a Pod or a PodList`] };
    const { nodeName, namedByNode } = this.#options;
    const manifest = readManifest(text, this.#subject);
    const problems = manifest.problems.map(formatProblem);
    const pods = manifest.objects.flatMap((source) => {
      const { pod, errors } = podOfManifest(source, namedByNode ? nodeName : undefined);
      problems.push(...errors);
      return pod ? [this.#identify(pod)] : [];
    });
    return { pods, problems };
  }

  #identify(pod: Pod): Pod {
    const { nodeName, namedByNode = false, staticPodURL } = this.#options;
    return staticPod(pod, { nodeName, namedByNode, source: 'http', origin: staticPodURL, seenAt: new Date() });
  }
}

/** Like Go's client, with the login of a URL as a header. */
function requestOf({ staticPodURL, staticPodURLHeader = {} }: HttpSourceOptions): { url: URL; headers: [string, string][] } {
  const url = new URL(staticPodURL);
  const headers = Object.entries(staticPodURLHeader).flatMap(([name, values]) => values.map((value): [string, string] => [name, value]));
  const { username, password } = url;
  if (username === '' && password === '') return { url, headers };
  [url.username, url.password] = ['', ''];
  const login = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64');
  const given = headers.some(([name]) => name.toLowerCase() === 'authorization');
  return { url, headers: given ? headers : [...headers, ['authorization', `Basic ${login}`]] };
}

/** fetch tells that it failed; why is in the cause, which stands for several where a name has several addresses. */
function reasonOf(thrown: unknown, host: string): string {
  if ((thrown as Error).name === 'TimeoutError') return `no answer within ${clientLimitMs / 1000} s`;
  const cause = (thrown as Error).cause ?? thrown;
  const first = cause instanceof AggregateError ? (cause.errors[0] ?? cause) : cause;
  return dialError(first, host) ?? (first instanceof Error ? first.message : String(first));
}

/** Of an answer that is no list of pods one short line, of a page its title. */
function excerptOf(text: string): string {
  const title = /<title[^>]*>([^<]*)/i.exec(text)?.[1];
  const line = (title ?? (/^\s*</.test(text) ? '' : text)).trim().split(/[\r\n]/, 1)[0] ?? '';
  if (line === '') return '';
  return `: ${line.length > longestExcerpt ? `${line.slice(0, longestExcerpt)}…` : line}`;
}
