import { describe, expect, it } from 'vitest';
import { checkMapped } from './user-namespace.ts';

describe('checkMapped', () => {
  const range = [{ containerId: 0, hostId: 100_000, length: 65_536 }];
  const mappings = { uids: range, gids: range };

  it.each([
    ['a user', { uid: 70_000, gid: 0, additionalGids: [0] }, /container c: .*user 70000 isn't mapped/],
    ['a group', { uid: 0, gid: 65_536, additionalGids: [] }, /group 65536/],
    ['a supplemental group', { uid: 0, gid: 0, additionalGids: [0, 70_001] }, /group 70001/],
  ])('refuses %s that the namespace has no id for', (_what, user, message) => {
    const refusal = expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) });
    expect(() => checkMapped(user, mappings, 'container c')).toThrow(refusal);
    // The host's namespace has them all.
    checkMapped(user, undefined, 'container c');
  });

  it('lets the last of them through', () => {
    checkMapped({ uid: 65_535, gid: 65_535, additionalGids: [65_535] }, mappings, 'container c');
  });
});
