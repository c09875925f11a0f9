import { checkConfigMapKey, checkEnvVarName } from '../names.ts';
import type { ObjectFieldSelector, ResourceFieldSelector } from '../objects.ts';
import { Quantity } from '../quantity.ts';
import { type FieldError, invalid, invalidFor, required, unsupported } from './field-error.ts';
import { validateLocalPath } from './volume-paths.ts';

const metadataFields = ['metadata.name', 'metadata.namespace', 'metadata.uid'];
const environmentFields = [
  ...metadataFields,
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];
const fileFields = [...metadataFields, 'metadata.labels', 'metadata.annotations'];
const resourceFields = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
];
const subscripted = /^metadata\.(labels|annotations)\['[^']+'\]$/;

/** Where a field reference stands: in the environment, or in a file of a volume, which can hold whole maps but no status. */
export type RefPlace = 'environment' | 'file';

export function validateFieldRef({ fieldPath, apiVersion }: ObjectFieldSelector, path: string, place: RefPlace): FieldError[] {
  const fields = place === 'environment' ? environmentFields : fileFields;
  return [
    ...(apiVersion && apiVersion !== 'v1' ? [unsupported(`${path}.apiVersion`, apiVersion, ['v1'])] : []),
    ...(!fieldPath
      ? [required(`${path}.fieldPath`)]
      : fields.includes(fieldPath) || subscripted.test(fieldPath)
        ? []
        : [unsupported(`${path}.fieldPath`, fieldPath, fields)]),
  ];
}

export function validateResourceFieldRef(
  { resource, containerName, divisor }: ResourceFieldSelector,
  path: string,
  place: RefPlace,
): FieldError[] {
  const known = resourceFields.includes(resource) || /^(limits|requests)\.hugepages-/.test(resource ?? '');
  return [
    ...(place === 'file' && !containerName ? [required(`${path}.containerName`)] : []),
    ...(!resource ? [required(`${path}.resource`)] : known ? [] : [unsupported(`${path}.resource`, resource, resourceFields)]),
    ...(divisor !== undefined && Quantity.parse(divisor).compare(Quantity.zero) < 0
      ? [invalid(`${path}.divisor`, divisor, 'must be greater than or equal to 0')]
      : []),
  ];
}

/** A reference to one key of a config map or a secret. */
export function validateKeyRef({ name, key }: { name?: string; key: string }, path: string): FieldError[] {
  return [
    ...(name ? [] : [required(`${path}.name`)]),
    ...(key ? invalidFor(`${path}.key`, key, checkConfigMapKey(key)) : [required(`${path}.key`)]),
  ];
}

/** A reference to one variable in a file of a volume. */
export function validateFileKeyRef(
  { volumeName, path: file, key }: { volumeName?: string; path?: string; key?: string },
  path: string,
): FieldError[] {
  return [
    ...(volumeName ? [] : [required(`${path}.volumeName`)]),
    ...(file ? validateLocalPath(file, `${path}.path`) : [required(`${path}.path`)]),
    ...(key ? invalidFor(`${path}.key`, key, checkEnvVarName(key)) : [required(`${path}.key`)]),
  ];
}
