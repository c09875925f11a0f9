/** Names a value of a CycleState; two keys of one name are still two. */
export class StateKey<T> {
  readonly name: string;
  /** Ties the type of the value to the key. */
  declare readonly value: T;

  constructor(name: string) {
    this.name = name;
  }
}

/** What plugins keep for one pod's cycle, from one extension point to the next. Values are replaced, never changed: copies share them. */
export class CycleState {
  readonly #values = new Map<StateKey<unknown>, unknown>();

  write<T>(key: StateKey<T>, value: T): void {
    this.#values.set(key, value);
  }

  clone(): CycleState {
    const copy = new CycleState();
    for (const [key, value] of this.#values) copy.write(key, value);
    return copy;
  }

  read<T>(key: StateKey<T>): T | undefined {
    return this.#values.get(key) as T | undefined;
  }
}
