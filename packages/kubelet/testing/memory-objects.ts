import type { ObjectSource, ReferredObjects } from '../src/sources/object-source.ts';

type ReferredObject = ReferredObjects[keyof ReferredObjects];

/** An ObjectSource that a test fills. */
export class MemoryObjects implements ObjectSource {
  readonly #objects = new Map<string, ReferredObject>();
  readonly #listeners = new Set<Parameters<ObjectSource['onChange']>[0]>();

  constructor(...objects: ReferredObject[]) {
    for (const object of objects) this.put(object);
  }

  put(object: ReferredObject): void {
    const { kind, metadata } = object;
    const [namespace, name] = [metadata?.namespace ?? 'default', metadata?.name ?? ''];
    this.#objects.set(`${kind} ${namespace}/${name}`, object);
    for (const listener of this.#listeners) listener(kind, namespace, name);
  }

  async get<Kind extends keyof ReferredObjects>(kind: Kind, namespace: string, name: string): Promise<ReferredObjects[Kind] | undefined> {
    return this.#objects.get(`${kind} ${namespace}/${name}`) as ReferredObjects[Kind] | undefined;
  }

  onChange(listener: Parameters<ObjectSource['onChange']>[0]): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}

export function configMap(name: string, data: Record<string, string>): ReferredObjects['ConfigMap'] {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data };
}

/** Its values are given decoded. */
export function secret(name: string, data: Record<string, string>, type = 'Opaque'): ReferredObjects['Secret'] {
  const encoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'default' }, type, data: Object.fromEntries(encoded) };
}
