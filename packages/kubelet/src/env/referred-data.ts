import type { ConfigMapKeySelector, SecretKeySelector } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import { notFound, type ObjectSource } from '../sources/object-source.ts';

interface Reference {
  name?: string;
  optional?: boolean;
}

type Kind = 'ConfigMap' | 'Secret';
type Data = ReadonlyMap<string, string>;

/** The config maps and secrets that one container refers to, each asked for once. What is missing throws NOT_FOUND with kubelet's words, or is undefined where it is optional. */
export class ReferredData {
  readonly #objects: ObjectSource;
  readonly #namespace: string;
  readonly #signal: AbortSignal;
  readonly #found = new Map<string, Promise<Data | undefined>>();

  constructor(objects: ObjectSource, namespace: string, signal: AbortSignal) {
    this.#objects = objects;
    this.#namespace = namespace;
    this.#signal = signal;
  }

  configMap(reference: Reference): Promise<Data | undefined> {
    return this.#data('ConfigMap', reference);
  }

  /** Decoded. */
  secret(reference: Reference): Promise<Data | undefined> {
    return this.#data('Secret', reference);
  }

  configMapKey(reference: ConfigMapKeySelector): Promise<string | undefined> {
    return this.#key('ConfigMap', reference);
  }

  secretKey(reference: SecretKeySelector): Promise<string | undefined> {
    return this.#key('Secret', reference);
  }

  async #key(kind: Kind, reference: ConfigMapKeySelector): Promise<string | undefined> {
    const { key, name = '', optional } = reference;
    const value = (await this.#data(kind, reference))?.get(key);
    if (value !== undefined || optional) return value;
    throw new PluginError('NOT_FOUND', `couldn't find key ${key} in ${kind} ${this.#namespace}/${name}`);
  }

  async #data(kind: Kind, { name = '', optional }: Reference): Promise<Data | undefined> {
    const key = `${kind} ${name}`;
    const data = this.#found.get(key) ?? this.#read(kind, name);
    this.#found.set(key, data);
    if ((await data) !== undefined || optional) return data;
    throw notFound(this.#objects, { kind, namespace: this.#namespace, name });
  }

  async #read(kind: Kind, name: string): Promise<Data | undefined> {
    const object = await this.#objects.get(kind, this.#namespace, name, this.#signal);
    if (!object) return undefined;
    const decoded = (text: string) => (kind === 'Secret' ? Buffer.from(text, 'base64').toString() : text);
    return new Map(Object.entries(object.data ?? {}).map(([key, value]) => [key, decoded(value)]));
  }
}
