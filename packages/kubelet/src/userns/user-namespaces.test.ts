import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NamespaceMode } from '@berth/sdk/cri';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { UserNamespaces } from './user-namespaces.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'berth-userns-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const hostIds = async (namespaces: UserNamespaces, uid: string) => (await namespaces.of(uid)).uids[0]?.hostId;

it('each pod gets ids that no other pod has, the same each time', async () => {
  const namespaces = new UserNamespaces(root);
  const mapping = { hostId: 65_536, containerId: 0, length: 65_536 };
  expect(await namespaces.of('a')).toEqual({ mode: NamespaceMode.POD, uids: [mapping], gids: [mapping] });
  expect(await Promise.all(['b', 'a', 'c', 'b'].map((uid) => hostIds(namespaces, uid)))).toEqual([131_072, 65_536, 196_608, 131_072]);
});

it('the ids of a pod that has ended are given to another', async () => {
  const namespaces = new UserNamespaces(root);
  for (const uid of ['a', 'b']) await namespaces.of(uid);
  namespaces.release('a');
  expect(await hostIds(namespaces, 'c')).toBe(65_536);
});

it('a new kubelet leaves pods what they have', async () => {
  const before = new UserNamespaces(root);
  for (const uid of ['a', 'b']) await before.of(uid);
  rmSync(join(root, 'pods/a'), { recursive: true });
  expect(JSON.parse(readFileSync(join(root, 'pods/b/userns'), 'utf8'))).toEqual({
    uidMappings: [{ hostId: 131_072, containerId: 0, length: 65_536 }],
    gidMappings: [{ hostId: 131_072, containerId: 0, length: 65_536 }],
  });
  const after = new UserNamespaces(root);
  expect([await hostIds(after, 'c'), await hostIds(after, 'b'), await hostIds(after, 'd')]).toEqual([65_536, 131_072, 196_608]);
});

it('refuses when all ids are given out', async () => {
  const namespaces = new UserNamespaces(root, { maxPods: 1, idsPerPod: 131_072 });
  expect((await namespaces.of('a')).uids).toEqual([{ hostId: 65_536, containerId: 0, length: 131_072 }]);
  await expect(namespaces.of('b')).rejects.toThrow('user namespaces: all 1 ranges of ids are given out; raise maxPods');
});

it.each(['nonsense', '{}', '{"uidMappings":[{"hostId":5,"containerId":0,"length":65536}]}'])(
  'names a file that it cannot go on with: %s',
  async (text) => {
    mkdirSync(join(root, 'pods/a'), { recursive: true });
    writeFileSync(join(root, 'pods/a/userns'), text);
    await expect(new UserNamespaces(root).of('b')).rejects.toThrow(/pods\/a\/userns: it doesn't hold ids .*; end the pod/);
  },
);

it("gives no ids out while it can't tell which are taken, and goes on once it can", async () => {
  mkdirSync(join(root, 'pods/a/userns'), { recursive: true });
  const namespaces = new UserNamespaces(root);
  await expect(namespaces.of('b')).rejects.toThrow(/pods\/a\/userns/);
  rmSync(join(root, 'pods/a'), { recursive: true });
  expect(await hostIds(namespaces, 'b')).toBe(65_536);
});

it('refuses ids that are not in whole blocks', () => {
  expect(() => new UserNamespaces(root, { idsPerPod: 1000 })).toThrow('userNamespaces.idsPerPod: 1000 is not a positive multiple of 65536');
});
