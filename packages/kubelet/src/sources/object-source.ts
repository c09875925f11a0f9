import type { ConfigMap, Secret, ServiceAccount } from '@berth/api/objects';

/** The objects that a pod may refer to. */
export interface ReferredObjects {
  ConfigMap: ConfigMap;
  Secret: Secret;
  ServiceAccount: ServiceAccount;
}

/**
 * Where config maps and secrets come from: a directory of YAML, an API server. What it gives isn't changed by who gets it.
 */
export interface ObjectSource {
  /** As it is now; undefined if there is none of that name. UNAVAILABLE where it can't be told. */
  get<Kind extends keyof ReferredObjects>(
    kind: Kind,
    namespace: string,
    name: string,
    signal: AbortSignal,
  ): Promise<ReferredObjects[Kind] | undefined>;
  /** Called with each object that has come, changed or gone; the returned function takes it back. */
  onChange(listener: (kind: keyof ReferredObjects, namespace: string, name: string) => void): () => void;
}
