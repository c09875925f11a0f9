import type { Logger } from 'pino';

/** Longest that undoing one step may take. It has a time of its own: the call that failed may have none left. */
export const undoLimitMs = 60_000;

interface Step {
  what: string;
  undo: (signal: AbortSignal) => Promise<void> | void;
}

/**
 * What has been done so far, to be undone if the next step fails: one step after the other, the last one first, each once.
 * An undo that fails is logged, and those of the earlier steps follow all the same. `run` never throws.
 */
export class UndoStack {
  readonly #steps: Step[] = [];
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  /**
   * Notes how a step is undone, before it is taken where it could fail half-way: then `undo` has to bear that nothing was
   * done. `what` stands in the log if that fails; the signal is aborted after `undoLimitMs`.
   */
  add(what: string, undo: Step['undo']): void {
    this.#steps.push({ what, undo });
  }

  /**
   * Undoes all steps. `forget` drops the record that another try would need, so it comes after all of them, and only if each has
   * succeeded. `complete` is false where anything is left.
   */
  async run(forget?: () => Promise<void>): Promise<{ complete: boolean }> {
    let complete = true;
    for (const step of this.#steps.splice(0).reverse()) {
      if (!(await this.#undo(step))) complete = false;
    }
    if (complete && forget) complete = await this.#undo({ what: 'its record', undo: forget });
    return { complete };
  }

  async #undo({ what, undo }: Step): Promise<boolean> {
    try {
      await undo(AbortSignal.timeout(undoLimitMs));
      return true;
    } catch (error) {
      this.#log.error({ err: error }, `could not undo: ${what}`);
      return false;
    }
  }
}
