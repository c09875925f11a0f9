/** What to undo when a later step fails; run in reverse order. */
export class UndoStack {
  readonly #steps: (() => void | Promise<void>)[] = [];

  push(step: () => void | Promise<void>): void {
    this.#steps.push(step);
  }

  /** Runs every step. One that fails doesn't keep the others from running: the failure that led here is the one to tell. */
  async run(): Promise<void> {
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) {
      try {
        await step();
      } catch {}
    }
  }
}
