import type { PodSpec } from '@berth/api/objects';
import { expect, it } from 'vitest';
import { MemoryObjects, secret } from '../../testing/memory-objects.ts';
import { makePod } from '../../testing/observed-pod.ts';
import { pullSecrets } from './pull-secrets.ts';

const entry = { 'registry.example': { username: 'u', password: 'p' } };
const objects = new MemoryObjects(
  secret('new', { '.dockerconfigjson': JSON.stringify({ auths: entry }) }, 'kubernetes.io/dockerconfigjson'),
  secret('old', { '.dockercfg': JSON.stringify(entry) }, 'kubernetes.io/dockercfg'),
  secret('opaque', { '.dockerconfigjson': 'whatever' }),
  { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'puller', namespace: 'default' }, imagePullSecrets: [{ name: 'old' }] },
);

it.each<[what: string, spec: Partial<PodSpec>, logins: number, missing: string[]]>([
  ['its own secrets', { imagePullSecrets: [{ name: 'new' }, { name: 'old' }] }, 2, []],
  ['those of its service account', { serviceAccountName: 'puller' }, 1, []],
  ['its own before those of its service account', { serviceAccountName: 'puller', imagePullSecrets: [{ name: 'new' }] }, 1, []],
  ['none of a secret of another type', { imagePullSecrets: [{ name: 'opaque' }] }, 0, []],
  ['the name of each that is missing', { imagePullSecrets: [{ name: 'none' }, { name: 'new' }, { name: 'gone' }] }, 1, ['none', 'gone']],
  ['nothing without secret and account', { serviceAccountName: 'nobody' }, 0, []],
])('a pod brings %s', async (_what, spec, logins, missing) => {
  const found = await pullSecrets(makePod(spec), objects, AbortSignal.timeout(5000));
  expect([found.logins.length, found.missing]).toEqual([logins, missing]);
});
