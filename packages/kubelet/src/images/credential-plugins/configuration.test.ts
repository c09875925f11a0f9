import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readCredentialProviders } from './configuration.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'berth-providers-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const head = 'apiVersion: kubelet.config.k8s.io/v1\nkind: CredentialProviderConfig\nproviders:\n';
const plugin = (name: string, more = '') =>
  `  - {name: ${name}, matchImages: ["*.example"], defaultCacheDuration: 1h30m, apiVersion: credentialprovider.kubelet.k8s.io/v1${more}}\n`;

function read(text: string) {
  const path = join(directory, 'providers.yaml');
  writeFileSync(path, text);
  return readCredentialProviders(path);
}

it('a configuration names plugins', async () => {
  expect(await read(`${head}${plugin('ecr', ', args: [get], env: [{name: A, value: b}]')}${plugin('gcr')}`)).toEqual([
    {
      name: 'ecr',
      matchImages: ['*.example'],
      defaultCacheMs: 5_400_000,
      apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
      args: ['get'],
      env: { A: 'b' },
    },
    expect.objectContaining({ name: 'gcr', args: [], env: {} }),
  ]);
});

it('a directory is read in the order of its names', async () => {
  writeFileSync(
    join(directory, '20.json'),
    JSON.stringify({
      apiVersion: 'kubelet.config.k8s.io/v1',
      kind: 'CredentialProviderConfig',
      providers: [{ name: 'b', matchImages: ['x'], defaultCacheDuration: '0s', apiVersion: 'credentialprovider.kubelet.k8s.io/v1' }],
    }),
  );
  writeFileSync(join(directory, '10.yaml'), `${head}${plugin('a')}`);
  writeFileSync(join(directory, 'notes.txt'), 'not read');
  expect((await readCredentialProviders(directory)).map(({ name, defaultCacheMs }) => [name, defaultCacheMs])).toEqual([
    ['a', 5_400_000],
    ['b', 0],
  ]);
});

describe('what is wrong is named', () => {
  it.each([
    ['no plugins', `${head}  []\n`, /providers/],
    ['a path for a name', `${head}${plugin('bin/ecr')}`, /providers\.0\.name: must be the name of a file/],
    ['a name twice', `${head}${plugin('ecr')}${plugin('ecr')}`, /ecr is listed twice/],
    ['an unknown field', `${head}${plugin('ecr', ', retries: 3')}`, /retries/],
    ['tokenAttributes', `${head}${plugin('ecr', ', tokenAttributes: {serviceAccountTokenAudience: a}')}`, /tokenAttributes: is refused/],
    ['a scheme', `${head}${plugin('ecr').replace('*.example', 'https://a.example')}`, /matchImages\.0/],
    ['no duration', `${head}${plugin('ecr').replace('1h30m', 'soon')}`, /defaultCacheDuration: must be a duration/],
    ['another kind', 'apiVersion: v1\nkind: Pod\n', /apiVersion/],
  ])('%s', async (_what, text, message) => {
    await expect(read(text)).rejects.toThrow(message);
  });

  it('a file that is not there', async () => {
    await expect(readCredentialProviders(join(directory, 'none'))).rejects.toThrow(/none: .*name a CredentialProviderConfig/);
  });
});
