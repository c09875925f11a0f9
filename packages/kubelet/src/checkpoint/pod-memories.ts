import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import type { Logger } from 'pino';
import { type PodMemory, readMemory, writeMemory } from './pod-memory.ts';

const extension = '.json';

/**
 * What is remembered of each pod in a file of its own, which says the same after a crash at any moment: the old content or the new one. Changes that
 * come close together are one write. Losing the last of them makes nothing wrong: the runtime is asked in any case.
 */
export class PodMemories {
  readonly #directory: string;
  readonly #log: Logger;
  readonly #restored = new Map<string, PodMemory>();
  /** What is to be written next, by uid; undefined: the file is to go. */
  readonly #waiting = new Map<string, (() => PodMemory | undefined) | undefined>();
  #writing: Promise<void> | undefined;

  constructor(directory: string, log: Logger) {
    this.#directory = directory;
    this.#log = log;
  }

  /** Reads what a kubelet before this one remembered. */
  load(): void {
    mkdirSync(this.#directory, { recursive: true, mode: 0o750 });
    for (const name of readdirSync(this.#directory)) {
      const memory = name.endsWith(extension) ? readMemory(readFileSync(join(this.#directory, name), 'utf8')) : undefined;
      const uid = memory?.pod.metadata?.uid;
      if (memory && uid !== undefined) this.#restored.set(uid, memory);
      else this.#log.warn({ file: join(this.#directory, name) }, 'what was remembered of a pod is not readable; it is looked at anew');
    }
  }

  /** What a kubelet before this one remembered of a pod. */
  restored(uid: string): PodMemory | undefined {
    return this.#restored.get(uid);
  }

  /** Pods that a kubelet before this one remembered, and that this one has neither remembered anew nor forgotten. */
  restoredUids(): string[] {
    return [...this.#restored.keys()];
  }

  /** Those of them that had not ended: what they have is theirs. */
  restoredPods(): Pod[] {
    const memories = [...this.#restored.values()];
    return memories.filter(({ status }) => !['Succeeded', 'Failed'].includes(status?.phase ?? '')).map(({ pod }) => pod);
  }

  /** `memory` is asked for when the file is written, which is soon; one that says nothing forgets the pod. */
  remember(uid: string, memory: () => PodMemory | undefined): void {
    this.#restored.delete(uid);
    this.#waiting.set(uid, memory);
    this.#write();
  }

  /** The pod has ended. */
  forget(uid: string): void {
    this.#restored.delete(uid);
    this.#waiting.set(uid, undefined);
    this.#write();
  }

  /** Until all is on disk. */
  async flush(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  #write(): void {
    this.#writing ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    // Whatever else changes in this turn goes into the same write.
    await new Promise<void>((resolve) => void setImmediate(resolve));
    try {
      for (let [next] = this.#waiting; next; [next] = this.#waiting) {
        const [uid, memory] = next;
        this.#waiting.delete(uid);
        await this.#writeOne(join(this.#directory, `${uid}${extension}`), memory?.());
      }
    } finally {
      // In the turn in which nothing was waiting any more: what comes after it begins a write of its own.
      this.#writing = undefined;
    }
  }

  async #writeOne(file: string, memory: PodMemory | undefined): Promise<void> {
    try {
      if (!memory) return await rm(file, { force: true });
      const draft = `${file}.tmp`;
      await writeFile(draft, writeMemory(memory), { mode: 0o600 });
      await rename(draft, file);
    } catch (thrown) {
      this.#log.error({ reason: PluginError.from(thrown).message, file }, "a pod can't be remembered");
    }
  }
}
