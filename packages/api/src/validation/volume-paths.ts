import { type FieldError, invalid } from './field-error.ts';

/** A path inside a volume: relative, and never up and out of it. */
export function validateLocalPath(value: string, path: string): FieldError[] {
  return [...(value.startsWith('/') ? [invalid(path, value, 'must be a relative path')] : []), ...validateNoBackstep(value, path)];
}

export function validateNoBackstep(value: string, path: string): FieldError[] {
  return value.split('/').includes('..') ? [invalid(path, value, "must not contain '..'")] : [];
}

/** The path of a file that the kubelet writes; `..` at its start is kept for the kubelet's own symbolic links. */
export function validateFilePath(value: string, path: string): FieldError[] {
  const reserved = value.startsWith('..') && !value.split('/').includes('..');
  return [...validateLocalPath(value, path), ...(reserved ? [invalid(path, value, "must not start with '..'")] : [])];
}

export function validateFileMode(mode: number | undefined, path: string): FieldError[] {
  if (mode === undefined || (mode >= 0 && mode <= 0o777)) return [];
  return [invalid(path, mode, 'must be a number between 0 and 0777 (octal), both inclusive')];
}
