/** What is wrong at present with something that is tried over and over: told when it begins, not at every try. */
export class Troubles {
  readonly #tell: (message: string) => void;
  #present: ReadonlySet<string> = new Set();

  constructor(tell: (message: string) => void) {
    this.#tell = tell;
  }

  /** All that is wrong by now; what wasn't wrong at the last try is told. */
  are(messages: readonly string[]): void {
    for (const message of new Set(messages)) if (!this.#present.has(message)) this.#tell(message);
    this.#present = new Set(messages);
  }
}
