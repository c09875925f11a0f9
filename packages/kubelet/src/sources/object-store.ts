import { isDeepStrictEqual } from 'node:util';
import type { ObjectSource, ReferredObjects } from './object-source.ts';

/** Any object that a pod may refer to. */
export type ReferredObject = ReferredObjects[keyof ReferredObjects];

type Listener = Parameters<ObjectSource['onChange']>[0];

/** Tells an object from all others: `Secret default/token`. */
export function objectKey(kind: string, namespace: string, name: string): string {
  return `${kind} ${namespace}/${name}`;
}

/** The key of an object as it was read. */
export function keyOf({ kind, metadata }: ReferredObject): string {
  return objectKey(kind, metadata?.namespace || 'default', metadata?.name ?? '');
}

/** An ObjectSource of what somebody else has read. */
export class ObjectStore implements ObjectSource {
  #objects = new Map<string, ReferredObject>();
  #refusals: ReadonlyMap<string, string> = new Map();
  readonly #listeners = new Set<Listener>();

  async get<Kind extends keyof ReferredObjects>(kind: Kind, namespace: string, name: string): Promise<ReferredObjects[Kind] | undefined> {
    return this.#objects.get(objectKey(kind, namespace, name)) as ReferredObjects[Kind] | undefined;
  }

  refusal(kind: keyof ReferredObjects, namespace: string, name: string): string | undefined {
    return this.#refusals.get(objectKey(kind, namespace, name));
  }

  /** As it is now, by `objectKey()`. */
  find(key: string): ReferredObject | undefined {
    return this.#objects.get(key);
  }

  onChange(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** These are all the objects that there are, and why others are not, by `objectKey()`; tells of each object that differs from before. */
  replace(objects: readonly ReferredObject[], refusals: ReadonlyMap<string, string>): void {
    this.#refusals = refusals;
    const before = this.#objects;
    this.#objects = new Map(objects.map((object) => [keyOf(object), object]));
    for (const key of new Set([...before.keys(), ...this.#objects.keys()])) {
      const [old, now] = [before.get(key), this.#objects.get(key)];
      const object = now ?? old;
      if (object && !isDeepStrictEqual(old, now)) this.#tell(object);
    }
  }

  #tell({ kind, metadata }: ReferredObject): void {
    for (const listener of this.#listeners) listener(kind, metadata?.namespace || 'default', metadata?.name ?? '');
  }
}
