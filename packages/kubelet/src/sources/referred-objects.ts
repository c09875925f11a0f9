import { defaultSecret } from '@berth/api/defaults';
import type { FieldError } from '@berth/api/field-error';
import { formatProblem, type ManifestObject, problemOf } from '@berth/api/manifest';
import type { ConfigMap, Secret, ServiceAccount } from '@berth/api/objects';
import { validateConfigMap, validateSecret, validateServiceAccount } from '@berth/api/validation';
import type { ReferredObject } from './object-store.ts';

/** An object, or why there is none. */
interface Accepted {
  object?: ReferredObject;
  /** With file, line and field. */
  errors: string[];
}

/** The object of a manifest, if pods may refer to objects of its kind; undefined for any other kind. */
export function referredObjectOf(source: ManifestObject): ReferredObject | undefined {
  const { object } = source;
  const named = { ...object, metadata: { ...object.metadata, namespace: object.metadata?.namespace || 'default' } };
  if (object.apiVersion !== 'v1') return undefined;
  if (object.kind === 'ConfigMap') return named as ConfigMap;
  if (object.kind === 'Secret') return named as Secret;
  return object.kind === 'ServiceAccount' ? (named as ServiceAccount) : undefined;
}

/** Checks an object as the API server would, given the one that was there before, and fills in its defaults. */
export function acceptObject(source: ManifestObject, object: ReferredObject, before: ReferredObject | undefined): Accepted {
  const errors = validate(object, before).map((error) => formatProblem(problemOf(source, error)));
  if (errors.length > 0) return { errors };
  return { object: object.kind === 'Secret' ? defaultSecret(object) : object, errors };
}

function validate(object: ReferredObject, before: ReferredObject | undefined): FieldError[] {
  if (object.kind === 'ConfigMap') return validateConfigMap(object, before as ConfigMap | undefined);
  if (object.kind === 'ServiceAccount') return validateServiceAccount(object);
  const broken = validateSecret(object);
  return broken.length > 0 ? broken : validateSecret(defaultSecret(object), before as Secret | undefined);
}
