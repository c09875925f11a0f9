import { setTimeout as delay } from 'node:timers/promises';
import { formatProblem, readManifest } from '@berth/api/manifest';
import type { Pod } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import { podOfManifest } from './manifest-pod.ts';
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
/** More than this is no list of a node's pods. */
const longestAnswer = 10 * 1024 * 1024;

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
      const { message } = PluginError.from(thrown, 'UNAVAILABLE', { object: this.#subject });
      return [message.startsWith(this.#subject) ? message : `${this.#subject}: ${message}`];
    }
  }

  /** Without what a URL may hold of secrets. */
  get #subject(): string {
    const { origin, pathname } = new URL(this.#options.staticPodURL);
    return `${origin}${pathname}`;
  }

  async #fetch(signal: AbortSignal): Promise<string> {
    const { staticPodURL, staticPodURLHeader = {} } = this.#options;
    const headers = Object.entries(staticPodURLHeader).flatMap(([name, values]) => values.map((value): [string, string] => [name, value]));
    const response = await fetch(staticPodURL, { headers, signal });
    const text = await limitedText(response, this.#subject);
    if (response.status === 200) return text;
    const said = text.trim().slice(0, 200);
    throw new PluginError('UNAVAILABLE', `it answered ${response.status}${said && `: ${said}`}; its pods of before go on`, {
      object: this.#subject,
    });
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

async function limitedText(response: Response, object: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > longestAnswer) throw new PluginError('OUT_OF_RANGE', `the answer is longer than ${longestAnswer} bytes`, { object });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
