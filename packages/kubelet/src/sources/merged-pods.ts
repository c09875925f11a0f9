import type { Pod } from '@berth/api/objects';
import { fullNameOf, uidOf } from '../pod.ts';
import type { SourceUpdate } from './pod-source.ts';

interface SourcedPod {
  source: string;
  pod: Pod;
}

/** Merges what the sources say by kubelet's rules. Pure but for its memory of each source's last word, which replaces the one before. */
export class MergedPods {
  readonly #order: readonly string[];
  readonly #updates = new Map<string, SourceUpdate>();

  /** `order` are the names of all sources: pods of one named earlier go before those of a later one. */
  constructor(order: readonly string[]) {
    this.#order = order;
  }

  set(source: string, update: SourceUpdate): void {
    this.#updates.set(source, update);
  }

  /** Every source has been read at least once: a pod that none of them has is left over. */
  get complete(): boolean {
    return this.#order.every((source) => this.#updates.get(source)?.unread === undefined && this.#updates.has(source));
  }

  /** Each uid once, and within a source each name once: the first of them counts. */
  get pods(): Pod[] {
    return this.#accepted.map(({ pod }) => pod);
  }

  /** What the sources say is wrong with them, and what is wrong between them. */
  get problems(): string[] {
    return [...[...this.#updates.values()].flatMap((update) => update.problems), ...sharedNames(this.#accepted)];
  }

  get #accepted(): SourcedPod[] {
    const uids = new Set<string>();
    return this.#order.flatMap((source) => {
      const names = new Set<string>();
      const pods = this.#updates.get(source)?.pods ?? [];
      return pods.filter((pod) => isNew(uids, uidOf(pod)) && isNew(names, fullNameOf(pod))).map((pod) => ({ source, pod }));
    });
  }
}

/** A message for each pod whose name an earlier source gives, too: only one pod of a name runs at a time. */
function sharedNames(pods: SourcedPod[]): string[] {
  const firsts = new Map<string, string>();
  return pods.flatMap(({ source, pod }) => {
    const name = fullNameOf(pod);
    const first = firsts.get(name) ?? source;
    firsts.set(name, first);
    return first === source ? [] : [`pod ${name} of source ${source} waits until the one of source ${first} has ended; rename one of them`];
  });
}

function isNew(seen: Set<string>, key: string): boolean {
  if (seen.has(key)) return false;
  seen.add(key);
  return true;
}
