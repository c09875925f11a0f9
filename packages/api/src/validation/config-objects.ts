import { checkConfigMapKey } from '../names.ts';
import type { ConfigMap, Secret } from '../objects.ts';
import { type FieldError, forbidden, invalid, invalidFor, required, tooLong } from './field-error.ts';

/** What etcd takes of one object. */
const dataMaxBytes = 1024 * 1024;
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

type Data = Record<string, string>;

/** The fields of a config map besides its metadata. */
export function validateConfigMapData({ data = {}, binaryData = {} }: ConfigMap): FieldError[] {
  const twice = Object.keys(data).filter((key) => Object.hasOwn(binaryData, key));
  return [
    ...validateKeys(data, 'data'),
    ...validateKeys(binaryData, 'binaryData'),
    ...validateBase64(binaryData, 'binaryData'),
    ...twice.map((key) => invalid(`data[${key}]`, key, 'duplicate of key present in binaryData')),
    ...validateSize(sizeOf(data) + decodedSizeOf(binaryData), ''),
  ];
}

/** The fields of a secret besides its metadata. `stringData` may be there or be in `data` already. */
export function validateSecretData(secret: Secret): FieldError[] {
  const { data = {}, stringData = {} } = secret;
  const others = Object.fromEntries(Object.entries(data).filter(([key]) => !Object.hasOwn(stringData, key)));
  const malformed = validateBase64(data, 'data');
  return [
    ...validateKeys(data, 'data'),
    ...validateKeys(stringData, 'stringData'),
    ...malformed,
    ...validateSize(decodedSizeOf(others) + sizeOf(stringData), 'data'),
    ...(malformed.length > 0 ? [] : validateSecretType(secret)),
  ];
}

/** What may not change in an object that said it is immutable; the value of a secret is never quoted. */
export function validateImmutable<T extends ConfigMap | Secret>(before: T, after: T): FieldError[] {
  if (!before.immutable) return [];
  const changed = (name: 'data' | 'binaryData') =>
    JSON.stringify(sorted((before as ConfigMap)[name])) !== JSON.stringify(sorted((after as ConfigMap)[name]));
  const fields = [...(after.immutable ? [] : ['immutable']), ...(['data', 'binaryData'] as const).filter(changed)];
  return fields.map((field) => forbidden(field, 'field is immutable when `immutable` is set'));
}

function sorted(data: Data | undefined): [string, string][] {
  return Object.entries(data ?? {}).toSorted(([left], [right]) => (left < right ? -1 : 1));
}

function validateKeys(data: Data, path: string): FieldError[] {
  return Object.keys(data).flatMap((key) => invalidFor(`${path}[${key}]`, key, checkConfigMapKey(key)));
}

function validateBase64(data: Data, path: string): FieldError[] {
  const broken = Object.keys(data).filter((key) => !base64.test((data[key] ?? '').replace(/[\r\n]/g, '')));
  return broken.map((key) => invalid(`${path}[${key}]`, key, 'its value must be base64'));
}

function validateSize(bytes: number, path: string): FieldError[] {
  return bytes > dataMaxBytes ? [tooLong(path, dataMaxBytes)] : [];
}

function sizeOf(data: Data): number {
  return Object.values(data).reduce((sum, value) => sum + Buffer.byteLength(value), 0);
}

function decodedSizeOf(data: Data): number {
  return Object.values(data).reduce((sum, value) => sum + Buffer.byteLength(value, 'base64'), 0);
}

/** The keys that each of Kubernetes' own types of secrets must have. */
const keysOfTypes: Record<string, readonly string[]> = {
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
};

function validateSecretType({ metadata, type = '', data = {}, stringData = {} }: Secret): FieldError[] {
  const text = (key: string) => stringData[key] ?? (data[key] === undefined ? undefined : Buffer.from(data[key], 'base64').toString());
  const missing = (keysOfTypes[type] ?? []).filter((key) => text(key) === undefined);
  const json = type.startsWith('kubernetes.io/dockerc') ? (keysOfTypes[type] ?? []) : [];
  return [
    ...missing.map((key) => required(`data[${key}]`)),
    ...json
      .filter((key) => text(key) !== undefined && !isJson(text(key) ?? ''))
      .map((key) => invalid(`data[${key}]`, key, 'its value must be JSON')),
    ...(type === 'kubernetes.io/basic-auth' && text('username') === undefined && text('password') === undefined
      ? [required('data[username]'), required('data[password]')]
      : []),
    ...(type === 'kubernetes.io/service-account-token' && !metadata?.annotations?.['kubernetes.io/service-account.name']
      ? [required('metadata.annotations[kubernetes.io/service-account.name]')]
      : []),
  ];
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
