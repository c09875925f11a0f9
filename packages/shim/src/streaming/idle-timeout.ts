/** Calls back once nothing has gone on for a time. */
export class IdleTimeout {
  readonly #timer: NodeJS.Timeout;

  constructor(milliseconds: number, idle: () => void) {
    this.#timer = setTimeout(idle, milliseconds);
  }

  /** Something goes on. */
  touch = (): void => {
    this.#timer.refresh();
  };

  end(): void {
    clearTimeout(this.#timer);
  }
}
