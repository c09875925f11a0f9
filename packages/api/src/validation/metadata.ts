import { checkDnsLabel, checkDnsSubdomain, checkLabelValue, checkQualifiedName, type NameCheck } from '../names.ts';
import type { ObjectMeta } from '../objects.ts';
import { checkNonNegative, type FieldError, invalidFor, required, tooLong } from './field-error.ts';

const annotationsMaxBytes = 256 * 1024;

/** The metadata of any object whose name obeys `checkName`. A namespace may be absent: whoever receives the object sets it. */
export function validateMetadata(metadata: ObjectMeta | undefined, path: string, checkName: NameCheck = checkDnsSubdomain): FieldError[] {
  const { name, generateName, namespace, labels, annotations, generation } = metadata ?? {};
  return [
    ...(name || generateName ? [] : [required(`${path}.name`, 'name or generateName is required')]),
    // The server cuts the prefix and adds five characters, so it may be long and end in a dash.
    ...(generateName ? invalidFor(`${path}.generateName`, generateName, checkName(`${generateName.slice(0, 58)}00000`)) : []),
    ...(name ? invalidFor(`${path}.name`, name, checkName(name)) : []),
    ...(namespace ? invalidFor(`${path}.namespace`, namespace, checkDnsLabel(namespace)) : []),
    ...checkNonNegative(`${path}.generation`, generation),
    ...validateLabels(labels, `${path}.labels`),
    ...validateAnnotations(annotations, `${path}.annotations`),
  ];
}

/** Label keys and values; a nodeSelector has the same rules. */
export function validateLabels(labels: Record<string, string> | undefined, path: string): FieldError[] {
  return Object.entries(labels ?? {}).flatMap(([key, value]) => [
    ...invalidFor(path, key, checkQualifiedName(key)),
    ...invalidFor(`${path}[${key}]`, value, checkLabelValue(value)),
  ]);
}

function validateAnnotations(annotations: Record<string, string> | undefined, path: string): FieldError[] {
  const entries = Object.entries(annotations ?? {});
  const bytes = entries.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
  return [
    ...entries.flatMap(([key]) => invalidFor(path, key, checkQualifiedName(key.toLowerCase()))),
    ...(bytes > annotationsMaxBytes ? [tooLong(path, annotationsMaxBytes)] : []),
  ];
}
