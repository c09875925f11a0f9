import type { Protocol, Rpc } from './protocol.ts';
import type { Coverage } from './suite.ts';

/** Remembers which RPCs were answered, and which fields went over the wire with a value in them. */
export class CoverageRecord {
  readonly #protocol: Protocol;
  readonly #calls = new Map<string, number>();
  readonly #answered = new Set<string>();
  readonly #fields = new Set<string>();

  constructor(protocol: Protocol) {
    this.#protocol = protocol;
  }

  called({ name }: Rpc): void {
    this.#calls.set(name, (this.#calls.get(name) ?? 0) + 1);
  }

  /** The target knows the RPC: it gave a result, or an error other than UNIMPLEMENTED. */
  answered(rpc: Rpc, request: unknown, response?: unknown): void {
    this.#answered.add(rpc.name);
    this.#mark(rpc.request, request);
    this.#mark(rpc.response, response);
  }

  report(): Coverage {
    const rpcs = this.#protocol.rpcs.map(({ name, service, since }) => ({
      name,
      service,
      covered: this.#answered.has(name),
      calls: this.#calls.get(name) ?? 0,
      since,
    }));
    const messages = [...this.#protocol.messages].flatMap(([name, fields]) => {
      if (fields.length === 0) return [];
      const isCovered = (field: string): boolean => this.#fields.has(`${name}.${field}`);
      const names = fields.map((field) => field.name);
      return [{ name, covered: names.filter(isCovered), uncovered: names.filter((field) => !isCovered(field)) }];
    });
    return { rpcs, messages };
  }

  #mark(message: string, value: unknown): void {
    if (typeof value !== 'object' || value === null) return;
    for (const field of this.#protocol.messages.get(message) ?? []) {
      const held = (value as Record<string, unknown>)[field.property];
      if (!isSet(held)) continue;
      this.#fields.add(`${message}.${field.name}`);
      if (field.message) for (const item of Array.isArray(held) ? held : [held]) this.#mark(field.message, item);
    }
  }
}

/** Whether a decoded value is other than its type's default; enums are names, whose default can't be told from absence. */
function isSet(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false || value === 0 || value === '0') return false;
  if (value instanceof Uint8Array || Array.isArray(value)) return value.length > 0;
  return typeof value !== 'object' || Object.keys(value).length > 0;
}
