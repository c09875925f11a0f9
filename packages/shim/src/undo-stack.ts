import type { Logger } from 'pino';

/** What undoing may take: the call that failed may have had no time left. */
export const undoLimitMs = 60_000;

/** What has been done so far, to be undone in reverse order if the next step fails. */
export class UndoStack {
  readonly #steps: { what: string; undo: () => Promise<void> | void }[] = [];
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Notes how the step just taken is undone. */
  add(what: string, undo: () => Promise<void> | void): void {
    this.#steps.push({ what, undo });
  }

  /** Undoes all steps, the last one first. A step that can't be undone is logged, and the ones before it still are undone. */
  async run(): Promise<{ complete: boolean }> {
    let complete = true;
    for (const { what, undo } of this.#steps.splice(0).reverse()) {
      try {
        await undo();
      } catch (error) {
        complete = false;
        this.#log.error({ err: error }, `could not undo: ${what}`);
      }
    }
    return { complete };
  }
}
