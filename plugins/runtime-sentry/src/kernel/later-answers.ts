import type { LaterAnswer, Notifications } from './notifications.ts';

/** How often it is looked whether answers can be given: nobody tells when a named pipe gets its other end. */
const patienceMs = 5;

/** Calls that wait for their answers while others are answered. */
export class LaterAnswers {
  readonly #notifications: Notifications;
  readonly #waiting = new Map<LaterAnswer, Uint8Array>();

  constructor(notifications: Notifications) {
    this.#notifications = notifications;
  }

  /** How long to wait for the next call, in milliseconds; -1 for as long as it takes. */
  get patienceMs(): number {
    return this.#waiting.size > 0 ? patienceMs : -1;
  }

  /** The present call is to be answered when there is an answer. */
  add(answer: LaterAnswer): void {
    this.#waiting.set(answer, this.#notifications.id);
  }

  /** Nobody waits any more. */
  cancel(): void {
    for (const later of this.#waiting.keys()) later.cancel();
    this.#waiting.clear();
  }

  /** Gives what answers there are by now. */
  retry(): void {
    for (const [later, id] of this.#waiting) {
      if (!this.#notifications.isWaitingFor(id)) {
        this.#waiting.delete(later);
        later.cancel();
        continue;
      }
      const answer = later.retry();
      if (answer === undefined) continue;
      this.#waiting.delete(later);
      this.#notifications.answer(answer, id);
    }
  }
}
