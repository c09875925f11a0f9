import { checkConfigMapKey } from '../names.ts';
import type { KeyToPath, ProjectedVolumeSource, Volume, VolumeProjection } from '../objects.ts';
import { Quantity } from '../quantity.ts';
import { checkEach, checkOneOf, checkSupported, type FieldError, forbidden, invalid, invalidFor, required } from './field-error.ts';
import { validateFieldRef, validateResourceFieldRef } from './field-refs.ts';
import { validateFileMode, validateFilePath, validateNoBackstep } from './volume-paths.ts';

type Sources = Omit<Volume, 'name'>;
type SourceCheck<Name extends keyof Sources> = (source: NonNullable<Sources[Name]>, path: string) => FieldError[];

const hostPathTypes = ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket'];
const leastTokenSeconds = 600;
const mostTokenSeconds = 2 ** 32;

/** One check for each source that a node mounts; sources of in-tree drivers that are gone have none. */
const checks: { [Name in keyof Sources]?: SourceCheck<Name> } = {
  emptyDir: ({ sizeLimit }, path) =>
    sizeLimit !== undefined && Quantity.parse(sizeLimit).compare(Quantity.zero) < 0
      ? [forbidden(`${path}.sizeLimit`, 'SizeLimit field must be a valid resource quantity')]
      : [],
  hostPath: ({ path: directory, type }, path) => [
    ...(directory ? validateNoBackstep(directory, `${path}.path`) : [required(`${path}.path`)]),
    ...checkSupported(`${path}.type`, type, hostPathTypes),
  ],
  secret: ({ secretName, defaultMode, items }, path) => [
    ...(secretName ? [] : [required(`${path}.secretName`)]),
    ...validateFileMode(defaultMode, `${path}.defaultMode`),
    ...validateItems(items, `${path}.items`),
  ],
  configMap: ({ name, defaultMode, items }, path) => [
    ...(name ? [] : [required(`${path}.name`)]),
    ...validateFileMode(defaultMode, `${path}.defaultMode`),
    ...validateItems(items, `${path}.items`),
  ],
  downwardAPI: (source, path) => [...validateFileMode(source.defaultMode, `${path}.defaultMode`), ...validateDownwardItems(source, path)],
  projected: (source, path) => validateProjected(source, path),
  persistentVolumeClaim: ({ claimName }, path) => (claimName ? [] : [required(`${path}.claimName`)]),
  nfs: ({ server, path: directory }, path) => [
    ...(server ? [] : [required(`${path}.server`)]),
    ...(!directory
      ? [required(`${path}.path`)]
      : directory.startsWith('/')
        ? []
        : [invalid(`${path}.path`, directory, 'must be an absolute path')]),
  ],
  csi: ({ driver }, path) => (driver ? [] : [required(`${path}.driver`)]),
  ephemeral: ({ volumeClaimTemplate }, path) => (volumeClaimTemplate ? [] : [required(`${path}.volumeClaimTemplate`)]),
  image: ({ reference, pullPolicy }, path) => [
    ...(reference ? [] : [required(`${path}.reference`)]),
    ...checkSupported(`${path}.pullPolicy`, pullPolicy, ['Always', 'IfNotPresent', 'Never']),
  ],
};

export function validateVolumeSource(sources: Sources, path: string): FieldError[] {
  return (Object.keys(checks) as (keyof Sources)[]).flatMap((name) => checkSource(name, sources, path));
}

function checkSource<Name extends keyof Sources>(name: Name, sources: Sources, path: string): FieldError[] {
  const source = sources[name];
  const check: SourceCheck<Name> | undefined = checks[name];
  return source && check ? check(source as NonNullable<Sources[Name]>, `${path}.${name}`) : [];
}

function validateItems(items: KeyToPath[] | undefined, path: string): FieldError[] {
  return checkEach(path, items, ({ key, path: file, mode }, at) => [
    ...(key ? invalidFor(`${at}.key`, key, checkConfigMapKey(key)) : [required(`${at}.key`)]),
    ...(file ? validateFilePath(file, `${at}.path`) : [required(`${at}.path`)]),
    ...validateFileMode(mode, `${at}.mode`),
  ]);
}

function validateDownwardItems({ items }: NonNullable<VolumeProjection['downwardAPI']>, path: string): FieldError[] {
  return checkEach(`${path}.items`, items, ({ path: file, fieldRef, resourceFieldRef, mode }, at) => [
    ...(file ? validateFilePath(file, `${at}.path`) : [required(`${at}.path`)]),
    ...(fieldRef ? validateFieldRef(fieldRef, `${at}.fieldRef`, 'file') : []),
    ...(resourceFieldRef ? validateResourceFieldRef(resourceFieldRef, `${at}.resourceFieldRef`, 'file') : []),
    ...(fieldRef && resourceFieldRef ? [invalid(at, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously')] : []),
    ...(fieldRef || resourceFieldRef ? [] : [required(at, 'one of fieldRef and resourceFieldRef is required')]),
    ...validateFileMode(mode, `${at}.mode`),
  ]);
}

function validateProjected({ sources, defaultMode }: ProjectedVolumeSource, path: string): FieldError[] {
  return [
    ...validateFileMode(defaultMode, `${path}.defaultMode`),
    ...checkEach(`${path}.sources`, sources, (source, at) => [...checkOneOf(at, source, 'volume type'), ...validateProjection(source, at)]),
  ];
}

function validateProjection({ secret, configMap, downwardAPI, serviceAccountToken: token }: VolumeProjection, path: string): FieldError[] {
  return [
    ...(secret ? [...(secret.name ? [] : [required(`${path}.secret.name`)]), ...validateItems(secret.items, `${path}.secret.items`)] : []),
    ...(configMap
      ? [...(configMap.name ? [] : [required(`${path}.configMap.name`)]), ...validateItems(configMap.items, `${path}.configMap.items`)]
      : []),
    ...(downwardAPI ? validateDownwardItems(downwardAPI, `${path}.downwardAPI`) : []),
    ...(token ? validateToken(token, `${path}.serviceAccountToken`) : []),
  ];
}

function validateToken(
  { path: file, expirationSeconds = 3600 }: NonNullable<VolumeProjection['serviceAccountToken']>,
  path: string,
): FieldError[] {
  return [
    ...(file ? validateFilePath(file, `${path}.path`) : [required(`${path}.path`)]),
    ...(expirationSeconds < leastTokenSeconds
      ? [invalid(`${path}.expirationSeconds`, expirationSeconds, 'may not specify a duration less than 10 minutes')]
      : []),
    ...(expirationSeconds > mostTokenSeconds
      ? [invalid(`${path}.expirationSeconds`, expirationSeconds, 'may not specify a duration larger than 2^32 seconds')]
      : []),
  ];
}
