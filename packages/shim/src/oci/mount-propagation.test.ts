import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ContainerMount } from '../runtime.ts';
import { checkPropagation } from './mount-propagation.ts';

/** As in proc_pid_mountinfo(5); the last of several mounts on one place is the one seen. */
const mountinfo = `22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:30 / /shared rw shared:1 - tmpfs tmpfs rw
31 22 0:31 / /slave rw master:1 - tmpfs tmpfs rw
32 22 0:32 / /with\\040blank rw shared:2 - tmpfs tmpfs rw
33 22 0:33 / /twice rw shared:3 - tmpfs tmpfs rw
34 33 0:34 / /twice rw - tmpfs tmpfs rw
`;

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-mountinfo-'));
  await writeFile(join(directory, 'mountinfo'), mountinfo);
});

afterAll(() => rm(directory, { recursive: true }));

function check(source: string, propagation: ContainerMount['propagation']): Promise<void> {
  return checkPropagation([{ source, destination: '/v', readonly: false, propagation }], 'container web', join(directory, 'mountinfo'));
}

describe('checkPropagation', () => {
  it.each([
    ['/anywhere', 'private'],
    ['/shared', 'rshared'],
    ['/shared/below', 'rslave'],
    ['/slave', 'rslave'],
    ['/with blank/below', 'rshared'],
  ] as const)('lets %s propagate as %s', (source, propagation) => expect(check(source, propagation)).resolves.toBeUndefined());

  it.each([
    ['/slave/below', 'rshared', /can't propagate: \/slave is not shared; on this host: mount --make-rshared \/slave/],
    ['/sharedness', 'rslave', /can't propagate: \/ is neither shared nor a slave/],
    ['/twice', 'rslave', /can't propagate: \/twice is neither/],
  ] as const)('refuses %s as %s, which nothing would ever show through', (source, propagation, message) =>
    expect(check(source, propagation)).rejects.toThrow(message),
  );
});
