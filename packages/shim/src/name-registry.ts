import { PluginError } from '@berth/sdk/errors';

/** Names that only one object may have at a time, and who has them. */
export class NameRegistry {
  readonly #holders = new Map<string, string>();
  readonly #kind: string;

  constructor(kind: string) {
    this.#kind = kind;
  }

  /** Takes `name` for the object `id`, or throws ALREADY_EXISTS naming its holder. */
  reserve(name: string, id: string): void {
    const holder = this.#holders.get(name);
    if (holder !== undefined && holder !== id) {
      throw new PluginError('ALREADY_EXISTS', `${this.#kind} ${holder} has this name`, {
        object: `${this.#kind} ${name}`,
        hint: `remove that one first, or give another attempt number`,
      });
    }
    this.#holders.set(name, id);
  }

  release(id: string): void {
    for (const [name, holder] of this.#holders) if (holder === id) this.#holders.delete(name);
  }
}
