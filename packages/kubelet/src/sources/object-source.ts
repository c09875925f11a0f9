import type { ConfigMap, Secret, ServiceAccount } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';

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
  /** Why there is none of that name though somebody has written one: with file, line and field. Left out by a source that takes all. */
  refusal?(kind: keyof ReferredObjects, namespace: string, name: string): string | undefined;
  /** Called with each object that has come, changed or gone; the returned function takes it back. */
  onChange(listener: (kind: keyof ReferredObjects, namespace: string, name: string) => void): () => void;
}

/** Whom a pod refers to. */
interface ObjectReference {
  kind: keyof ReferredObjects;
  namespace: string;
  name: string;
}

/** For an object that isn't there, in kubelet's words, with the reason if it is known. */
export function notFound(objects: ObjectSource, { kind, namespace, name }: ObjectReference): PluginError {
  const why = objects.refusal?.(kind, namespace, name);
  return new PluginError('NOT_FOUND', `${kind.toLowerCase()} ${JSON.stringify(name)} not found${why === undefined ? '' : `: ${why}`}`);
}
