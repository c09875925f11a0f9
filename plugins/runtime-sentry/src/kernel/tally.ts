import { ENOSYS } from './errno.ts';
import type { Answer, LaterAnswer } from './notifications.ts';
import { nameOf, numbersEnd } from './syscall-numbers.ts';

/** How often each call was answered, by name. */
export interface Counts {
  answered: Record<string, number>;
  /** Left to the kernel. */
  continued: Record<string, number>;
  /** ENOSYS: there is no handler. */
  unimplemented: Record<string, number>;
}

const kinds = ['answered', 'continued', 'unimplemented'] as const;
const busySlot = kinds.length * (numbersEnd + 1);

/** Counts of one responder's answers, in memory (64 bits each) that it shares with the Sentry's main thread; and since when it has been at one. */
export class Tally {
  readonly #numbers: BigUint64Array;

  constructor(memory: SharedArrayBuffer) {
    this.#numbers = new BigUint64Array(memory);
  }

  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer(8 * (busySlot + 1));
  }

  begin(): void {
    Atomics.store(this.#numbers, busySlot, BigInt(Math.floor(Date.now() / 1000)));
  }

  end(number: number, answer: Answer | LaterAnswer): void {
    const kind = answer === 'continue' ? 1 : answer === -ENOSYS ? 2 : 0;
    Atomics.add(this.#numbers, kind * (numbersEnd + 1) + slotOf(number), 1n);
    Atomics.store(this.#numbers, busySlot, 0n);
  }

  /** Seconds since the call that is being answered came; 0 while none is. */
  busySeconds(): number {
    const since = Number(Atomics.load(this.#numbers, busySlot));
    return since === 0 ? 0 : Math.max(0, Math.floor(Date.now() / 1000) - since);
  }

  /** Adds its counts to `counts`. */
  addTo(counts: Counts): void {
    for (const [kind, name] of kinds.entries()) {
      for (let number = 0; number <= numbersEnd; number++) {
        const count = Number(Atomics.load(this.#numbers, kind * (numbersEnd + 1) + number));
        const call = number < numbersEnd ? nameOf(number) : 'unknown';
        if (count > 0) counts[name][call] = (counts[name][call] ?? 0) + count;
      }
    }
  }
}

/** One past the table for numbers that no call has. */
function slotOf(number: number): number {
  return number >= 0 && number < numbersEnd ? number : numbersEnd;
}
