import type { Pod } from '@berth/api/objects';
import { expect, it } from 'vitest';
import { MergedPods } from './merged-pods.ts';

const pod = (name: string, uid: string): Pod => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, uid } });
const merged = () => new MergedPods(['file', 'api']);
const uids = (pods: Pod[]) => pods.map(({ metadata }) => metadata?.uid);

it('is complete once every source has been read, not before', () => {
  const all = merged();
  const complete = [all.complete];
  all.set('file', { pods: [], problems: [] });
  complete.push(all.complete);
  all.set('api', { pods: [], problems: ['down'], unread: true });
  complete.push(all.complete);
  all.set('api', { pods: [], problems: [] });
  expect([...complete, all.complete]).toEqual([false, false, false, true]);
});

it("a source's word replaces its last one, and not those of others", () => {
  const all = merged();
  all.set('file', { pods: [pod('a', '1')], problems: ['x'] });
  all.set('api', { pods: [pod('b', '2')], problems: [] });
  all.set('api', { pods: [pod('c', '3')], problems: ['y'] });
  expect([uids(all.pods), all.problems]).toEqual([
    ['1', '3'],
    ['x', 'y'],
  ]);
});

it('static pods go first, and a uid or a name of one source counts once', () => {
  const all = merged();
  all.set('api', { pods: [pod('a', '1'), pod('b', '2'), pod('b', '3')], problems: [] });
  all.set('file', { pods: [pod('a', '9'), pod('c', '2')], problems: [] });
  expect(uids(all.pods)).toEqual(['9', '2', '1', '3']);
});

it('a pod whose name another source gives, too, is told of: the two run one after the other', () => {
  const all = merged();
  all.set('api', { pods: [pod('a', '1'), pod('b', '2')], problems: ['x'] });
  all.set('file', { pods: [pod('a', '9')], problems: [] });
  expect(all.problems).toEqual(['x', 'pod default/a of source api waits until the one of source file has ended; rename one of them']);
  all.set('file', { pods: [], problems: [] });
  expect(all.problems).toEqual(['x']);
});
