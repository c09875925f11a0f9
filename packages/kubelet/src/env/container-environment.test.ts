import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Container } from '@berth/api/objects';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configMap, MemoryObjects, secret } from '../../testing/memory-objects.ts';
import { containerEnvironment } from './container-environment.ts';
import { ReferredData } from './referred-data.ts';

const objects = new MemoryObjects(
  configMap('settings', { COLOUR: 'blue', SIZE: 'small', 'dotted.name': 'yes' }),
  secret('access', { TOKEN: 's3cret', SIZE: 'secret' }),
);

let volume: string;
beforeEach(() => {
  volume = mkdtempSync(join(tmpdir(), 'berth-env-'));
});
afterEach(() => rmSync(volume, { recursive: true }));

async function environmentOf(container: Partial<Container>): Promise<Record<string, string>> {
  const variables = await containerEnvironment(
    { name: 'main', ...container },
    {
      objects: new ReferredData(objects, 'default', AbortSignal.timeout(5000)),
      serviceLinks: new Map([
        ['WEB_SERVICE_HOST', '10.0.0.9'],
        ['WEB_SERVICE_PORT', '80'],
      ]),
      field: (path) => `<${path}>`,
      resource: ({ resource, containerName }) => `<${containerName ?? 'own'} ${resource}>`,
      volumePaths: new Map([['files', volume]]),
    },
  );
  return Object.fromEntries(variables);
}

const links = { WEB_SERVICE_HOST: '10.0.0.9', WEB_SERVICE_PORT: '80' };
const fromSettings = (key: string, optional?: boolean) => ({
  name: 'V',
  valueFrom: { configMapKeyRef: { name: 'settings', key, optional } },
});

describe("a container's variables", () => {
  it.each<[what: string, container: Partial<Container>, expected: Record<string, string>]>([
    ['are the links to services', {}, links],
    ['may be empty', { env: [{ name: 'A' }, { name: 'B', value: '' }] }, { A: '', B: '', ...links }],
    [
      'refer to those before them and to links',
      {
        env: [
          { name: 'LATER', value: '$(A)' },
          { name: 'A', value: 'a' },
          { name: 'B', value: '$(A)-$$(A)-$(WEB_SERVICE_HOST)-$(NONE)' },
        ],
      },
      { LATER: '$(A)', A: 'a', B: 'a-$(A)-10.0.0.9-$(NONE)', ...links },
    ],
    ['replace links', { env: [{ name: 'WEB_SERVICE_PORT', value: '1' }] }, { ...links, WEB_SERVICE_PORT: '1' }],
    [
      'come from fields and resources',
      {
        env: [
          { name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
          { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
        ],
      },
      { NAME: '<metadata.name>', CPU: '<own limits.cpu>', ...links },
    ],
    [
      'come from keys of config maps and secrets',
      { env: [fromSettings('COLOUR'), { name: 'T', valueFrom: { secretKeyRef: { name: 'access', key: 'TOKEN' } } }] },
      { V: 'blue', T: 's3cret', ...links },
    ],
    [
      'come from whole objects, a later one before an earlier one, env before both',
      {
        envFrom: [
          { configMapRef: { name: 'settings' } },
          { prefix: 'P_', secretRef: { name: 'access' } },
          { secretRef: { name: 'access' } },
        ],
        env: [{ name: 'COLOUR', value: 'my $(COLOUR)' }],
      },
      { COLOUR: 'my blue', SIZE: 'secret', 'dotted.name': 'yes', P_TOKEN: 's3cret', P_SIZE: 'secret', TOKEN: 's3cret', ...links },
    ],
    [
      'leave out what is optional and missing',
      {
        envFrom: [{ configMapRef: { name: 'none', optional: true } }],
        env: [
          fromSettings('none', true),
          { name: 'S', valueFrom: { secretKeyRef: { name: 'none', key: 'k', optional: true } } },
          { name: 'F', valueFrom: { fileKeyRef: { volumeName: 'files', path: 'none', key: 'k', optional: true } } },
        ],
      },
      links,
    ],
  ])('%s', async (_what, container, expected) => {
    expect(await environmentOf(container)).toEqual(expected);
  });

  it.each<[message: string, container: Partial<Container>]>([
    ['configmap "none" not found', { envFrom: [{ configMapRef: { name: 'none' } }] }],
    ['secret "none" not found', { env: [{ name: 'S', valueFrom: { secretKeyRef: { name: 'none', key: 'k' } } }] }],
    ["couldn't find key none in ConfigMap default/settings", { env: [fromSettings('none')] }],
    [
      "couldn't find key none in Secret default/access",
      { env: [{ name: 'S', valueFrom: { secretKeyRef: { name: 'access', key: 'none' } } }] },
    ],
    [
      'environment variable key "k" not found in file "none"',
      { env: [{ name: 'F', valueFrom: { fileKeyRef: { volumeName: 'files', path: 'none', key: 'k' } } }] },
    ],
  ])('are missing with the message: %s', async (message, container) => {
    await expect(environmentOf(container)).rejects.toThrow(message);
  });
});

describe('a file of variables', () => {
  const read = (path: string, key: string) =>
    environmentOf({ env: [{ name: 'F', valueFrom: { fileKeyRef: { volumeName: 'files', path, key } } }] });

  it.each([
    ["KEY='value'\n", 'value'],
    ["# comment\n\n  KEY = 'a # b $(C) \\n' # why\r\nOTHER=''\n", 'a # b $(C) \\n'],
    ["FIRST='1'\nKEY='two\nlines'", 'two\nlines'],
    ["KEY='old'\nKEY='new'\n", 'new'],
  ])('%j', async (text, value) => {
    writeFileSync(join(volume, 'f.env'), text);
    expect(await read('f.env', 'KEY')).toMatchObject({ F: value });
  });

  it.each([
    ["A='1'\nKEY=bare\n", 2],
    ['KEY="double"', 1],
    ["KEY='a''b'", 1],
    ["KEY='open\n", 1],
    ["export KEY='a'", 1],
  ])('has to be one: %j', async (text, line) => {
    writeFileSync(join(volume, 'f.env'), text);
    await expect(read('f.env', 'KEY')).rejects.toThrow(`couldn't parse env file: line ${line} is not NAME='value'`);
  });

  it('is in its volume, whatever links containers make', async () => {
    mkdirSync(join(volume, 'inside'));
    writeFileSync(join(volume, 'inside/f.env'), "KEY='inside'\n");
    symlinkSync('inside', join(volume, 'link'));
    symlinkSync('/etc', join(volume, 'out'));
    expect(await read('link/f.env', 'KEY')).toMatchObject({ F: 'inside' });
    await expect(read('out/hostname', 'KEY')).rejects.toThrow('it leads out of its volume');
  });
});
