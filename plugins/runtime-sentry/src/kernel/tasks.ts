import { closeDescriptor, contentOf, exists, O_DIRECTORY, O_PATH, openHost } from './files/host-files.ts';
import { parseTask, parseUmask, type Task } from './task.ts';

interface Known {
  task: Task;
  /** Its directory in /proc: once it has ended there is nothing in it, whoever gets its number. */
  place: number;
}

/** Each has a descriptor open. */
const maximumKnown = 256;

/** What is known of the calling threads, kept as long as it can't have changed. */
export class Tasks {
  readonly #known = new Map<number, Known>();
  readonly #isWaiting: () => boolean;

  /** `isWaiting` tells whether the caller that is asked about still waits for its answer. */
  constructor(isWaiting: () => boolean) {
    this.#isWaiting = isWaiting;
  }

  /** Undefined for one that has ended. */
  find(tid: number): Task | undefined {
    const known = this.#known.get(tid);
    if (known && exists(known.place, 'status')) return known.task;
    if (known) this.#drop(tid, known);
    return this.#look(tid);
  }

  /** The file mode creation mask of a thread; undefined for one that has ended. Never kept: other threads that share it may change it at any time. */
  umask(tid: number): number | undefined {
    const place = this.find(tid) && this.#known.get(tid)?.place;
    const status = place === undefined ? undefined : contentOf('status', place);
    return Buffer.isBuffer(status) ? parseUmask(status.toString('latin1')) : undefined;
  }

  /** Forgets all: the caller is about to change who it is. */
  forget(): void {
    for (const [tid, known] of this.#known) this.#drop(tid, known);
  }

  #look(tid: number): Task | undefined {
    const place = openHost(`/proc/${tid}`, O_PATH | O_DIRECTORY);
    const status = place < 0 ? place : contentOf('status', place);
    const task = typeof status === 'number' ? undefined : parseTask(status.toString('latin1'));
    // Else it may be of another thread with the same number.
    if (!task || !this.#isWaiting()) {
      if (place >= 0) closeDescriptor(place);
      return undefined;
    }
    if (this.#known.size >= maximumKnown) this.forget();
    this.#known.set(tid, { task, place });
    return task;
  }

  #drop(tid: number, { place }: Known): void {
    this.#known.delete(tid);
    closeDescriptor(place);
  }
}
