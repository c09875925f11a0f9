import type { Logger } from 'pino';

/** What undoing may take: the call that failed may have had no time left. */
export const undoLimitMs = 60_000;

interface Step {
  what: string;
  undo: () => Promise<void> | void;
}

/** What has been done so far, to be undone in reverse order if the next step fails. */
export class UndoStack {
  readonly #steps: Step[] = [];
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Notes how the step just taken is undone. */
  add(what: string, undo: Step['undo']): void {
    this.#steps.push({ what, undo });
  }

  /**
   * Undoes all steps, the last one first. A step that can't be undone is logged, and the ones before it still are undone.
   * `forget` drops the record that another try would need, so it comes after all of them, and only if each has succeeded.
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
      await undo();
      return true;
    } catch (error) {
      this.#log.error({ err: error }, `could not undo: ${what}`);
      return false;
    }
  }
}
