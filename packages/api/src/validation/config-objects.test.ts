import { describe, expect, it } from 'vitest';
import { defaultSecret } from '../defaults.ts';
import type { ConfigMap, Secret } from '../objects.ts';
import { validateConfigMap, validateSecret, validateServiceAccount } from '../validation.ts';
import { type FieldError, formatFieldError } from './field-error.ts';

const configMap = (fields: Partial<ConfigMap>): ConfigMap => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, ...fields });
const secret = (fields: Partial<Secret>): Secret => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' }, ...fields });
const base64 = (text: string) => Buffer.from(text).toString('base64');
const lines = (errors: FieldError[]) => errors.map(formatFieldError);

describe('a config map', () => {
  it('with good keys and values passes', () => {
    expect(validateConfigMap(configMap({ data: { 'app.conf': 'x', '.hidden': '' }, binaryData: { blob: base64('x') } }))).toEqual([]);
  });

  it.each<[string, Partial<ConfigMap>, RegExp]>([
    ['a name is required', { metadata: {} }, /^metadata\.name: Required value/],
    ['a key is no path', { data: { 'a/b': 'x' } }, /^data\[a\/b\]: Invalid value: "a\/b": a valid config key/],
    ['a key may not begin with two dots', { data: { '..a': 'x' } }, /^data\[\.\.a\]: Invalid value/],
    ['binary data is base64', { binaryData: { blob: '%%%' } }, /^binaryData\[blob\]: Invalid value: "blob": its value must be base64$/],
    ['a key stands in one of the two maps', { data: { a: 'x' }, binaryData: { a: 'eA==' } }, /^data\[a\]: .*present in binaryData/],
    ['a mebibyte is the most', { data: { a: 'x'.repeat(1024 * 1024), b: 'y' } }, /^Too long: may not be more than 1048576 bytes/],
  ])('%s', (_what, fields, message) => {
    expect(lines(validateConfigMap(configMap(fields)))).toEqual([expect.stringMatching(message)]);
  });

  it('that is immutable keeps its data, and stays immutable', () => {
    const before = configMap({ immutable: true, data: { a: '1', b: '2' } });
    expect(validateConfigMap(configMap({ immutable: true, data: { b: '2', a: '1' } }), before)).toEqual([]);
    expect(lines(validateConfigMap(configMap({ data: { a: '2' } }), before))).toEqual([
      'immutable: Forbidden: field is immutable when `immutable` is set',
      'data: Forbidden: field is immutable when `immutable` is set',
    ]);
  });
});

describe('a secret', () => {
  it.each<[string, Partial<Secret>]>([
    ['of no type', { data: { a: base64('x') }, stringData: { b: 'y' } }],
    ['with line breaks in its base64', { data: { a: 'eHh4\neHh4' } }],
    ['kubernetes.io/tls', { type: 'kubernetes.io/tls', stringData: { 'tls.crt': 'c', 'tls.key': 'k' } }],
    ['kubernetes.io/basic-auth', { type: 'kubernetes.io/basic-auth', stringData: { password: 'k' } }],
    ['kubernetes.io/dockerconfigjson', { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': base64('{}') } }],
  ])('%s passes', (_what, fields) => {
    expect(validateSecret(secret(fields))).toEqual([]);
  });

  it.each<[string, Partial<Secret>, RegExp]>([
    ['values are base64, and not quoted', { data: { a: 'hunter2!' } }, /^data\[a\]: Invalid value: "a": its value must be base64$/],
    ['of type tls', { type: 'kubernetes.io/tls', stringData: { 'tls.crt': 'c' } }, /^data\[tls\.key\]: Required value$/],
    ['of type ssh-auth', { type: 'kubernetes.io/ssh-auth' }, /^data\[ssh-privatekey\]: Required value$/],
    [
      'of type dockerconfigjson',
      { type: 'kubernetes.io/dockerconfigjson', stringData: { '.dockerconfigjson': '{' } },
      /^data\[\.dockerconfigjson\]: .*must be JSON$/,
    ],
  ])('%s', (_what, fields, message) => {
    expect(lines(validateSecret(secret(fields)))).toEqual([expect.stringMatching(message)]);
  });

  it('is Opaque by default, and its stringData goes over its data', () => {
    const given = secret({ data: { a: base64('old'), b: base64('b') }, stringData: { a: 'new' } });
    expect(defaultSecret(given)).toEqual(secret({ type: 'Opaque', data: { a: base64('new'), b: base64('b') } }));
    expect(defaultSecret(defaultSecret(given))).toEqual(defaultSecret(given));
  });
});

it('a service account needs a name', () => {
  expect(lines(validateServiceAccount({ apiVersion: 'v1', kind: 'ServiceAccount' }))).toEqual([
    expect.stringMatching(/^metadata\.name: Required value/),
  ]);
});
