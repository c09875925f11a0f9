import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LinuxContainerSecurityContext, SupplementalGroupsPolicy } from '@berth/sdk/cri';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readAccounts, resolveUser } from './image-user.ts';

const accounts = {
  passwd: 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:app:/home/app:/bin/sh\n',
  group: 'root:x:0:\napp:x:1001:\naudio:x:29:app\nvideo:x:44:app,root\n',
};

function resolve(security: Parameters<typeof LinuxContainerSecurityContext.fromPartial>[0] | undefined, imageUser: string) {
  return resolveUser(security && LinuxContainerSecurityContext.fromPartial(security), imageUser, accounts, 'container c');
}

describe('resolveUser', () => {
  it.each([
    ['root where nobody says anything', undefined, '', { uid: 0, gid: 0, additionalGids: [0, 44] }],
    ['a name of the image, with its groups', undefined, 'app', { uid: 1000, gid: 1001, additionalGids: [1001, 29, 44] }],
    ['a number of the image', undefined, '1000', { uid: 1000, gid: 1001, additionalGids: [1001, 29, 44] }],
    ['user and group of the image', undefined, 'app:audio', { uid: 1000, gid: 29, additionalGids: [29, 44] }],
    ['a number that the image does not know', undefined, '7:8', { uid: 7, gid: 8, additionalGids: [8] }],
    ['run_as_user before the image', { runAsUser: { value: 1000n } }, 'root', { uid: 1000, gid: 1001, additionalGids: [1001, 29, 44] }],
    ['run_as_username', { runAsUsername: 'app' }, '', { uid: 1000, gid: 1001, additionalGids: [1001, 29, 44] }],
    [
      'run_as_group with a user',
      { runAsUser: { value: 1000n }, runAsGroup: { value: 5n } },
      '',
      { uid: 1000, gid: 5, additionalGids: [5, 29, 44] },
    ],
    [
      'supplemental groups added (Merge)',
      { runAsUsername: 'app', supplementalGroups: [99n] },
      '',
      { uid: 1000, gid: 1001, additionalGids: [1001, 29, 44, 99] },
    ],
    [
      'supplemental groups alone (Strict)',
      { runAsUsername: 'app', supplementalGroups: [99n], supplementalGroupsPolicy: SupplementalGroupsPolicy.Strict },
      '',
      { uid: 1000, gid: 1001, additionalGids: [1001, 99] },
    ],
  ])('%s', (_what, security, imageUser, expected) => {
    expect(resolve(security, imageUser)).toEqual(expected);
  });

  it('never takes a number for the name of another', () => {
    const passwd = '1000:x:0:0:root:/root:/bin/sh\n';
    const group = '1000:x:0:\n';
    const asked = LinuxContainerSecurityContext.fromPartial({ runAsUser: { value: 1000n } });
    expect(resolveUser(asked, '', { passwd, group }, 'container c')).toEqual({ uid: 1000, gid: 0, additionalGids: [0] });
    expect(resolveUser(undefined, '1000:1000', { passwd, group }, 'container c')).toMatchObject({ uid: 1000, gid: 1000 });
  });

  it('passes over lines without numbers', () => {
    const broken = { passwd: 'app:x::\napp:x:a:b\napp:x:5:6\n', group: 'audio:x::app\naudio:x:z:app\n' };
    expect(resolveUser(undefined, 'app', broken, 'container c')).toEqual({ uid: 5, gid: 6, additionalGids: [6] });
    expect(() => resolveUser(undefined, 'app:audio', broken, 'container c')).toThrow(/no group "audio"/);
  });

  it('refuses a group without a user', () => {
    expect(() => resolve({ runAsGroup: { value: 5n } }, 'app')).toThrow(/run_as_group without a user/);
  });

  it('refuses a user that the image does not have', () => {
    expect(() => resolve({ runAsUsername: 'nobody-here' }, '')).toThrow(/container c: the image has no user "nobody-here"/);
  });

  it('takes run_as_username for a name, also where it is a number or looks like a user and a group', () => {
    const named = { passwd: `${accounts.passwd}1234:x:7:8::/:/bin/sh\n`, group: accounts.group };
    const asked = LinuxContainerSecurityContext.fromPartial({ runAsUsername: '1234' });
    expect(resolveUser(asked, '', named, 'container c')).toMatchObject({ uid: 7, gid: 8 });
    for (const runAsUsername of ['1234', '0', 'app:audio']) {
      expect(() => resolve({ runAsUsername }, 'app')).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(`no user ${JSON.stringify(runAsUsername)}`) }),
      );
    }
  });

  it('refuses a group that the image does not have', () => {
    expect(() => resolve(undefined, 'app:nothing')).toThrow(/no group "nothing"/);
  });
});

describe('readAccounts', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-accounts-'));
  });

  afterEach(() => rm(directory, { recursive: true }));

  async function layer(name: string): Promise<string> {
    await mkdir(join(directory, name, 'etc'), { recursive: true });
    return join(directory, name);
  }

  it('takes the file of the topmost layer that has one', async () => {
    const [top, middle, bottom] = [await layer('top'), await layer('middle'), await layer('bottom')];
    await writeFile(join(middle, 'etc/passwd'), 'middle');
    await writeFile(join(bottom, 'etc/passwd'), 'bottom');
    expect(await readAccounts([top, middle, bottom], 'container c')).toEqual({ passwd: 'middle', group: '' });
  });

  it('never follows a link out of the layer', async () => {
    const top = await layer('top');
    await symlink('/etc/passwd', join(top, 'etc/passwd'));
    const linked = join(directory, 'linked');
    await mkdir(linked);
    await symlink('/etc', join(linked, 'etc'));
    expect(await readAccounts([top, linked], 'container c')).toEqual({ passwd: '', group: '' });
  });
});
