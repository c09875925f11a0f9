import type { Pod } from '@berth/api/objects';
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

/** Asks pods what they see of their runtimes: containers while they run, the node for the rest. */
export class Interview {
  readonly #client: KubeletClient;
  readonly #directories: Directories;
  readonly #signal: AbortSignal;
  /** Answers of running containers by container id. */
  readonly #inside = new Map<string, Promise<Facts>>();

  constructor(client: KubeletClient, directories: Directories, signal: AbortSignal) {
    this.#client = client;
    this.#directories = directories;
    this.#signal = signal;
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
      output[`${container}: output`] = await this.#output(namespace, name, container);
    }
    const trace = await this.#client.trace(namespace, name);
    return { ...statusFacts(pod), ...inside, ...output, ...timingFacts(joinRecords(trace, this.#directories)) };
  }

  async #answers(pod: Pod, container: string): Promise<Facts> {
    const { namespace = 'default', name = '' } = pod.metadata ?? {};
    try {
      return readInside(await this.#client.exec(namespace, name, container, insideCommand, this.#signal));
    } catch (error) {
      return { inside: `(can't be asked: ${(error as Error).message})` };
    }
  }

  /** A container that never started has none. */
  async #output(namespace: string, pod: string, container: string): Promise<string> {
    const chunks: Uint8Array[] = [];
    try {
      for await (const chunk of await this.#client.logs(namespace, pod, container, {}, this.#signal)) chunks.push(chunk);
    } catch {
      return '';
    }
    return Buffer.concat(chunks).toString();
  }
}
