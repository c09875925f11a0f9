import { CniError, errorCodes, isObject } from './types.ts';

/**
 * Reads the keys of one object of a plugin's configuration. A key that is absent, null or the empty string counts as not set and gives
 * undefined (an empty list with those that give lists). A value of a wrong type is a CniError (code 7) that names the key by its whole path.
 */
export class Keys {
  readonly #values: Record<string, unknown>;
  readonly #path: string;

  /** `path` names the object in errors: `ipam.ranges[0]`; nothing for the configuration itself. */
  constructor(values: unknown, path = '') {
    if (!isObject(values)) throw invalid(path || 'network configuration', `must be an object, and is ${written(values)}`);
    this.#values = values;
    this.#path = path;
  }

  /** The key's whole path, for messages. */
  path(key: string): string {
    return this.#path === '' ? key : `${this.#path}.${key}`;
  }

  /** The value as it is; undefined where it isn't set. */
  value(key: string): unknown {
    const value = this.#values[key];
    return value == null || value === '' ? undefined : value;
  }

  boolean(key: string): boolean | undefined {
    const value = this.value(key);
    if (value === undefined || typeof value === 'boolean') return value;
    throw this.wrong(key, 'must be true or false');
  }

  string(key: string): string | undefined {
    const value = this.value(key);
    if (value === undefined || typeof value === 'string') return value;
    throw this.wrong(key, 'must be a string');
  }

  oneOf<Choice extends string>(key: string, choices: readonly Choice[]): Choice | undefined {
    const value = this.value(key);
    const choice = choices.find((known) => known === value);
    if (value === undefined || choice !== undefined) return choice;
    throw this.wrong(key, `must be one of ${choices.join(', ')}`);
  }

  /** A whole number from `min` to `max`, both included. */
  integer(key: string, min: number, max: number): number | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
    throw this.wrong(key, `must be a whole number from ${min} to ${max}`);
  }

  object(key: string): Keys | undefined {
    const value = this.value(key);
    return value === undefined ? undefined : new Keys(value, this.path(key));
  }

  list(key: string): unknown[] {
    const value = this.value(key) ?? [];
    if (Array.isArray(value)) return value;
    throw this.wrong(key, 'must be a list');
  }

  objects(key: string): Keys[] {
    return this.list(key).map((value, index) => new Keys(value, `${this.path(key)}[${index}]`));
  }

  strings(key: string): string[] {
    return this.list(key).map((value, index) => {
      if (typeof value === 'string') return value;
      throw invalid(`${this.path(key)}[${index}]`, `must be a string, and is ${written(value)}`);
    });
  }

  /** The error of a key whose value isn't what it must be. */
  wrong(key: string, rule: string, hint?: string): CniError {
    return invalid(this.path(key), `${rule}, and is ${written(this.#values[key])}`, hint);
  }
}

/** The error of a configuration (code 7): `object` is the key's path. */
export function invalid(object: string, what: string, hint?: string): CniError {
  return new CniError(errorCodes.invalidConfig, what, { object, ...(hint ? { hint } : {}) });
}

/** A value in a message, which no input makes long. */
function written(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 100 ? `${text.slice(0, 100)}...` : text;
}
