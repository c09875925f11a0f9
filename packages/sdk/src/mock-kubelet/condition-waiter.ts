import { onAbort } from '../abort.ts';
import { PluginError } from '../errors.ts';

/** How long to wait, and for what. */
export interface WaitOptions {
  /** Default 10 s. */
  deadlineMs?: number;
  /** What is waited for, as the error names it. */
  what?: string;
  signal?: AbortSignal;
}

const defaultDeadlineMs = 10_000;

/** Waits for conditions, which are looked at whenever something has changed. */
export class ConditionWaiter {
  readonly #looks = new Set<() => void>();

  /** Something has changed. */
  changed(): void {
    for (const look of this.#looks) look();
  }

  /** What `condition` gives, once that is truthy. DEADLINE_EXCEEDED where it hasn't been in time; `state` says how things are then. */
  async until<Found>(condition: () => Found, state: () => string, options: WaitOptions = {}): Promise<Exclude<Found, Falsy>> {
    const { deadlineMs = defaultDeadlineMs, what = 'what is waited for', signal } = options;
    const { promise, resolve, reject } = Promise.withResolvers<Exclude<Found, Falsy>>();
    const look = (): void => {
      try {
        const found = condition();
        if (found) resolve(found as Exclude<Found, Falsy>);
      } catch (thrown) {
        reject(thrown);
      }
    };
    const late = setTimeout(() => reject(tooLate(what, deadlineMs, state())), deadlineMs);
    const release = onAbort([signal], reject);
    this.#looks.add(look);
    look();
    try {
      return await promise;
    } finally {
      this.#looks.delete(look);
      clearTimeout(late);
      release();
    }
  }
}

type Falsy = false | undefined | null | 0 | '';

function tooLate(what: string, deadlineMs: number, state: string): PluginError {
  return new PluginError('DEADLINE_EXCEEDED', `${what} has not come within ${deadlineMs / 1000} s: ${state}`, {
    object: 'mock kubelet',
    hint: 'look at what the plugin prints',
  });
}
