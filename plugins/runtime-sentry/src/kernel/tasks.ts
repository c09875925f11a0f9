import { readFileSync } from 'node:fs';
import { parseTask, type Task } from './task.ts';

/** What is known of the calling threads, kept as long as it can't have changed. */
export class Tasks {
  readonly #known = new Map<number, Task>();
  readonly #isWaiting: () => boolean;

  /** `isWaiting` tells whether the caller that is asked about still waits for its answer. */
  constructor(isWaiting: () => boolean) {
    this.#isWaiting = isWaiting;
  }

  /** Undefined for one that has ended. */
  find(tid: number): Task | undefined {
    const known = this.#known.get(tid);
    if (known) return known;
    const task = read(tid);
    // Else it may be of another thread with the same number.
    if (!task || !this.#isWaiting()) return undefined;
    this.#known.set(tid, task);
    return task;
  }

  /** Forgets all: a call that changes an identity is about to be made, or one that makes a thread, which may have the number of an ended one. */
  forget(): void {
    this.#known.clear();
  }
}

function read(tid: number): Task | undefined {
  try {
    return parseTask(readFileSync(`/proc/${tid}/status`, 'latin1'));
  } catch {
    return undefined;
  }
}
