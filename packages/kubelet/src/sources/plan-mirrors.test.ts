import type { Pod } from '@berth/api/objects';
import { expect, it } from 'vitest';
import { planMirrors } from './plan-mirrors.ts';

const pod = (name: string, hash: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, uid: hash, annotations: { 'kubernetes.io/config.source': 'file', 'kubernetes.io/config.hash': hash } },
  spec: { containers: [] },
  status: { phase: 'Running' },
});
const mirror = (name: string, hash: string, more: object = {}): Pod => ({
  ...pod(name, hash),
  metadata: { name, uid: `api-${name}`, annotations: { 'kubernetes.io/config.mirror': hash }, ...more },
});

it.each([
  ['none has to be made', [], ['create a']],
  ['one that shows the pod stays', [mirror('a', '1')], []],
  ['one of another content is made anew', [mirror('a', '0')], ['remove a', 'create a']],
  ['one that is being deleted is made anew', [mirror('a', '1', { deletionTimestamp: '2026-01-01T00:00:00Z' })], ['remove a', 'create a']],
  ['one of no pod is removed', [mirror('a', '1'), mirror('b', '2')], ['remove b']],
])('%s', (_name, mirrors, changes) => {
  const { create, remove } = planMirrors([pod('a', '1')], mirrors);
  const named = (verb: string, pods: Pod[]) => pods.map(({ metadata }) => `${verb} ${metadata?.name}`);
  expect([...named('remove', remove), ...named('create', create)]).toEqual(changes);
});

it('has the hash of the pod, and neither its uid nor its status', () => {
  const [made] = planMirrors([pod('a', '1')], []).create;
  expect(made).toMatchObject({
    metadata: { name: 'a', annotations: { 'kubernetes.io/config.mirror': '1', 'kubernetes.io/config.source': 'file' } },
  });
  expect([made?.metadata?.uid, made?.status]).toEqual([undefined, undefined]);
});
