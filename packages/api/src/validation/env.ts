import { checkDnsSubdomain, checkEnvVarName } from '../names.ts';
import type { EnvFromSource, EnvVar, EnvVarSource } from '../objects.ts';
import { checkEach, type FieldError, invalid, invalidFor, required } from './field-error.ts';
import { validateFieldRef, validateFileKeyRef, validateKeyRef, validateResourceFieldRef } from './field-refs.ts';

export function validateEnv(env: EnvVar[] | undefined, path: string): FieldError[] {
  return checkEach(path, env, ({ name, value, valueFrom }, at) => [
    ...(name ? invalidFor(`${at}.name`, name, checkEnvVarName(name)) : [required(`${at}.name`)]),
    ...(valueFrom ? validateValueFrom(valueFrom, `${at}.valueFrom`, value) : []),
  ]);
}

function validateValueFrom(source: EnvVarSource, path: string, value: string | undefined): FieldError[] {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = source;
  const count = Object.keys(source).length;
  return [
    ...(count === 0
      ? [invalid(path, '', 'must specify one of: `configMapKeyRef`, `fieldRef`, `fileKeyRef`, `resourceFieldRef` or `secretKeyRef`')]
      : []),
    ...(value ? [invalid(path, '', 'may not be specified when `value` is not empty')] : []),
    ...(count > 1 ? [invalid(path, '', 'may not have more than one field specified at a time')] : []),
    ...(fieldRef ? validateFieldRef(fieldRef, `${path}.fieldRef`, 'environment') : []),
    ...(resourceFieldRef ? validateResourceFieldRef(resourceFieldRef, `${path}.resourceFieldRef`, 'environment') : []),
    ...(configMapKeyRef ? validateKeyRef(configMapKeyRef, `${path}.configMapKeyRef`) : []),
    ...(secretKeyRef ? validateKeyRef(secretKeyRef, `${path}.secretKeyRef`) : []),
    ...(fileKeyRef ? validateFileKeyRef(fileKeyRef, `${path}.fileKeyRef`) : []),
  ];
}

export function validateEnvFrom(sources: EnvFromSource[] | undefined, path: string): FieldError[] {
  return checkEach(path, sources, ({ prefix, configMapRef, secretRef }, at) => [
    ...(prefix ? invalidFor(`${at}.prefix`, prefix, checkEnvVarName(prefix)) : []),
    ...(!configMapRef && !secretRef ? [invalid(at, '', 'must specify one of: `configMapRef` or `secretRef`')] : []),
    ...(configMapRef && secretRef ? [invalid(at, '', 'may not have more than one field specified at a time')] : []),
    ...(configMapRef ? validateObjectName(configMapRef.name, `${at}.configMapRef.name`) : []),
    ...(secretRef ? validateObjectName(secretRef.name, `${at}.secretRef.name`) : []),
  ]);
}

function validateObjectName(name: string | undefined, path: string): FieldError[] {
  return name ? invalidFor(path, name, checkDnsSubdomain(name)) : [required(path)];
}
