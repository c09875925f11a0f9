import type { Pod } from '@berth/api/objects';
import { fullNameOf, uidOf } from '../pod.ts';
import type { SourceUpdate } from './pod-source.ts';

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
    const uids = new Set<string>();
    return this.#order.flatMap((source) => {
      const names = new Set<string>();
      return (this.#updates.get(source)?.pods ?? []).filter((pod) => isNew(uids, uidOf(pod)) && isNew(names, fullNameOf(pod)));
    });
  }

  get problems(): string[] {
    return [...this.#updates.values()].flatMap((update) => update.problems);
  }
}

function isNew(seen: Set<string>, key: string): boolean {
  if (seen.has(key)) return false;
  seen.add(key);
  return true;
}
