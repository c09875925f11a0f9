/** After this time what goes on is told once more. */
const tellAgainMs = 60 * 60 * 1000;

/** Tells what comes again and again only once in an hour, and what is no longer so as often as it changes. */
export class ToldOnce {
  readonly #log: (message: string) => void;
  readonly #now: () => number;
  readonly #told = new Map<string, number>();
  #present = new Set<string>();

  constructor(log: (message: string) => void, now: () => number = () => performance.now()) {
    this.#log = log;
    this.#now = now;
  }

  /** Something happened. */
  tell(message: string): void {
    const now = this.#now();
    for (const [told, at] of this.#told) if (now - at >= tellAgainMs) this.#told.delete(told);
    if (this.#told.has(message)) return;
    this.#told.set(message, now);
    this.#log(message);
  }

  /** What is so now: what wasn't so before is told, and that it is over. */
  are(messages: readonly string[]): void {
    const present = new Set(messages);
    for (const message of present) if (!this.#present.has(message)) this.#log(message);
    for (const message of this.#present) if (!present.has(message)) this.#log(`no longer: ${message}`);
    this.#present = present;
  }
}
