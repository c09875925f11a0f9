import type { Coverage } from '../suite.ts';
import { verbs, vocabulary } from './clauses.ts';

/** The message that a key's value is one of, or a list of. */
const nested: Record<string, string> = {
  'Configuration.dns': 'Dns',
  'Configuration.prevResult': 'Result',
  'Configuration.runtimeConfig': 'RuntimeConfig',
  'Result.interfaces': 'Interface',
  'Result.ips': 'Address',
  'Result.routes': 'Route',
  'Result.dns': 'Dns',
};

/** A call that has ended. */
interface EndedCall {
  verb: string;
  env: Record<string, string>;
  /** The configuration, if it was one. */
  stdin: unknown;
  succeeded: boolean;
  /** What the plugin said, as an object if it is one. */
  printed: unknown;
}

/** Remembers which verbs a plugin answered, and which variables and keys were said to it, or by it, in such a call; of others the keys of the error. */
export class VerbCoverage {
  readonly #calls = new Map<string, number>();
  readonly #answered = new Set<string>();
  readonly #keys = new Set<string>();

  ended({ verb, env, stdin, succeeded, printed }: EndedCall): void {
    this.#calls.set(verb, (this.#calls.get(verb) ?? 0) + 1);
    if (!succeeded) {
      this.#mark('Error', printed);
      return;
    }
    this.#answered.add(verb);
    this.#mark('Environment', env);
    this.#mark('Configuration', stdin);
    if (verb === 'ADD') this.#mark('Result', printed);
    if (verb === 'VERSION') this.#mark('Version', printed);
  }

  report(): Coverage {
    const rpcs = Object.entries(verbs).map(([name, since]) => ({
      name,
      service: 'CNI',
      covered: this.#answered.has(name),
      calls: this.#calls.get(name) ?? 0,
      since,
    }));
    const messages = Object.entries(vocabulary).map(([name, keys]) => {
      const isCovered = (key: string): boolean => this.#keys.has(`${name}.${key}`);
      return { name, covered: keys.filter(isCovered), uncovered: keys.filter((key) => !isCovered(key)) };
    });
    return { rpcs, messages, terms: { rpcs: 'verbs', fields: 'variables and keys' } };
  }

  #mark(message: string, value: unknown): void {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, held] of Object.entries(value)) {
      if (held === '' || held === null || (typeof held === 'object' && Object.keys(held).length === 0)) continue;
      this.#keys.add(`${message}.${key}`);
      const inner = nested[`${message}.${key}`];
      if (inner) for (const item of Array.isArray(held) ? held : [held]) this.#mark(inner, item);
    }
  }
}
