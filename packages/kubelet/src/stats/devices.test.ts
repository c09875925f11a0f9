import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeTree } from '../../testing/file-tree.ts';
import { devicesOf } from './devices.ts';

const table = `22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
23 22 8:1 / /var/lib rw - ext4 /dev/sda1 rw
24 23 0:43 / /var/lib/containers rw - tmpfs tmpfs rw
25 23 8:17 / /var/lib/containers rw master:3 - xfs /dev/sdb1 rw
26 22 0:50 / /run/layers rw - overlay overlay rw,lowerdir=/a
27 22 0:51 / /mem\\040ory rw - tmpfs none rw
`;

let proc: string;

beforeEach(async () => {
  proc = await mkdtemp(join(tmpdir(), 'berth-devices-'));
});

afterEach(() => rm(proc, { recursive: true }));

it.each([
  ['/etc', '/dev/vda1'],
  ['/var/lib', '/dev/sda1'],
  ['/var/library', '/dev/vda1'],
  ['/var/lib/containers/x', '/dev/sdb1'],
  ['/run/layers/1', 'overlay_0-50'],
  ['/mem ory/a', '/mem ory'],
])('%s lies on %s', async (path, device) => {
  await writeTree(proc, { 'self/mountinfo': table });
  expect(await devicesOf([path], proc)).toEqual(new Map([[path, device]]));
});

it('without a table no device is known', async () => {
  expect(await devicesOf(['/etc'], proc)).toEqual(new Map());
});
