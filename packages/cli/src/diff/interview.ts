import { text } from 'node:stream/consumers';
import type { Pod } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import type { Directories } from '../configuration/directories.ts';
import { handlerOf, podInManifest } from '../node/handler-source.ts';
import type { KubeletClient } from '../node/kubelet-client.ts';
import { joinRecords } from '../view/call-records.ts';
import type { Facts } from './comparison.ts';
import { insideCommand, readInside } from './inside.ts';
import { statusFacts, timingFacts } from './pod-facts.ts';

/** All that was found out of one pod of the manifest. */
export interface PodFindings {
  pod: string;
  /** By handler. */
  facts: Map<string, Facts>;
}

/**
 * Asks pods what they see of their runtimes: containers while they run, the node for the rest. What can't be asked, or doesn't answer in
 * time, says so in its place: it is one fact less, and the others stand.
 */
export class Interview {
  readonly #client: KubeletClient;
  readonly #directories: Directories;
  readonly #signal: AbortSignal;
  readonly #limitMs: number;
  /** Answers of running containers by container id. */
  readonly #inside = new Map<string, Promise<Facts>>();

  /** `limitMs`: how long one answer may take. */
  constructor(client: KubeletClient, directories: Directories, signal: AbortSignal, limitMs: number) {
    this.#client = client;
    this.#directories = directories;
    this.#signal = signal;
    this.#limitMs = limitMs;
  }

  /** Begins to ask containers that run and haven't been asked: one that ends soon can't be asked later. */
  ask(pods: Pod[]): void {
    for (const pod of pods) {
      for (const { name, state, containerID } of pod.status?.containerStatuses ?? []) {
        if (state?.running && containerID && !this.#inside.has(containerID)) this.#inside.set(containerID, this.#answers(pod, name));
      }
    }
  }

  /** What is known of each pod of the manifest, by handler. */
  async facts(pods: Pod[]): Promise<PodFindings[]> {
    const findings = new Map<string, Map<string, Facts>>();
    for (const pod of pods) {
      const name = podInManifest(pod);
      const facts = findings.get(name) ?? new Map<string, Facts>();
      findings.set(name, facts.set(handlerOf(pod), await this.#factsOf(pod)));
    }
    return [...findings].map(([pod, facts]) => ({ pod, facts }));
  }

  async #factsOf(pod: Pod): Promise<Facts> {
    const { namespace = 'default', name = '' } = pod.metadata ?? {};
    const inside: Facts = {};
    const output: Facts = {};
    for (const { name: container, containerID = '' } of pod.status?.containerStatuses ?? []) {
      const answers = Object.entries((await this.#inside.get(containerID)) ?? {});
      for (const [question, answer] of answers) inside[`${container}: ${question}`] = answer;
      // A container that never started has none.
      output[`${container}: output`] = containerID && (await this.#output(namespace, name, container));
    }
    return { ...statusFacts(pod), ...inside, ...output, ...(await this.#timings(namespace, name)) };
  }

  async #answers(pod: Pod, container: string): Promise<Facts> {
    const { namespace = 'default', name = '' } = pod.metadata ?? {};
    try {
      return await this.#inTime(async (signal) =>
        readInside(await this.#client.execSync(namespace, name, container, insideCommand, signal)),
      );
    } catch (error) {
      return { inside: unknown(error) };
    }
  }

  async #output(namespace: string, pod: string, container: string): Promise<string> {
    try {
      return await this.#inTime(async (signal) => text(await this.#client.logs(namespace, pod, container, {}, signal)));
    } catch (error) {
      return unknown(error);
    }
  }

  async #timings(namespace: string, pod: string): Promise<Facts> {
    try {
      return timingFacts(joinRecords(await this.#client.trace(namespace, pod), this.#directories));
    } catch (error) {
      return { timings: unknown(error) };
    }
  }

  /** Throws DEADLINE_EXCEEDED if there is no answer within the limit. */
  async #inTime<Answer>(ask: (signal: AbortSignal) => Promise<Answer>): Promise<Answer> {
    const limit = AbortSignal.timeout(this.#limitMs);
    try {
      return await ask(AbortSignal.any([this.#signal, limit]));
    } catch (error) {
      if (!limit.aborted) throw error;
      throw new PluginError('DEADLINE_EXCEEDED', `no answer within ${this.#limitMs / 1000} s`, { cause: error });
    }
  }
}

function unknown(error: unknown): string {
  return `(can't be asked: ${(error as Error).message})`;
}
