import { expect, it } from 'vitest';
import { replicaIds, withoutReplica } from './replicas.ts';

it.each([
  ['a', 1, ['a']],
  ['a', 2, ['a::0', 'a::1']],
  ['a::3', 1, ['a::3']],
  ['a::3', 2, ['a::3::0', 'a::3::1']],
])('%s shared by %i', (id, replicas, ids) => {
  expect(replicaIds(id, replicas)).toEqual(ids);
  expect(ids.map((each) => withoutReplica(each, replicas))).toEqual(ids.map(() => id));
});
