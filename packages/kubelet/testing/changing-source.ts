import { defaultPod } from '@berth/api/defaults';
import type { Pod, PodSpec } from '@berth/api/objects';
import { EventQueue } from '../src/event-queue.ts';
import type { PodSource, SourceUpdate } from '../src/sources/pod-source.ts';

/** A source whose pods change in place, as those of an API server do. */
export class ChangingSource implements PodSource {
  readonly name = 'api';
  readonly #updates = new EventQueue<SourceUpdate>();
  #pods: Pod[] = [];

  constructor() {
    this.#tell();
  }

  updates(signal: AbortSignal): AsyncIterable<SourceUpdate> {
    return this.#updates.read(signal);
  }

  /** The pod as it is to be from now on, defaulted; its uid is its name. */
  put(name: string, spec: PodSpec, metadata: Pod['metadata'] = {}): void {
    const pod = defaultPod({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', uid: name, ...metadata }, spec });
    this.#pods = [...this.#pods.filter((other) => other.metadata?.name !== name), pod];
    this.#tell();
  }

  /** The pod is gone from the source. */
  remove(name: string): void {
    this.#pods = this.#pods.filter((pod) => pod.metadata?.name !== name);
    this.#tell();
  }

  #tell(): void {
    this.#updates.push({ pods: this.#pods, problems: [] });
  }
}
