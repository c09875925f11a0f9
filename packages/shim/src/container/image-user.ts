import { type LinuxContainerSecurityContext, SupplementalGroupsPolicy } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { ProcessSpec } from '../runtime.ts';
import { isUserId } from '../user-id.ts';
import { readLayeredFile } from './layered-file.ts';

/** The account files of an image; empty where it has none. */
interface Accounts {
  passwd: string;
  group: string;
}

/** Reads /etc/passwd and /etc/group of an image from its unpacked layers, the topmost first. */
export async function readAccounts(layers: string[], object: string): Promise<Accounts> {
  const [passwd = '', group = ''] = await Promise.all(['/etc/passwd', '/etc/group'].map((path) => readLayeredFile(layers, path, object)));
  return { passwd, group };
}

/**
 * The user that the process runs as: what the request says (LinuxContainerSecurityContext), else what the image says.
 * Names are looked up in the image's accounts; one that isn't there is an error, as is a group without a user. A number is never
 * taken for a name: an image whose user 1000 is root would get past a client that forbids root. And run_as_username, even one of
 * digits, is only ever a name: the user has to be in the image (api.proto); kubelets send numbers as run_as_user.
 */
export function resolveUser(
  security: LinuxContainerSecurityContext | undefined,
  imageUser: string,
  accounts: Accounts,
  object: string,
): ProcessSpec['user'] {
  const { runAsUser, runAsUsername = '' } = security ?? {};
  const asked = runAsUser !== undefined || runAsUsername !== '';
  if (security?.runAsGroup !== undefined && !asked) {
    throw new PluginError('INVALID_ARGUMENT', 'run_as_group without a user', { object, hint: 'set runAsUser too' });
  }
  const [userPart = '', groupPart = ''] = asked ? [String(runAsUser?.value ?? '')] : imageUser.split(':');
  const account = runAsUsername ? lookUpName(runAsUsername, accounts.passwd, object) : lookUpUser(userPart || '0', accounts.passwd, object);
  const gid =
    security?.runAsGroup !== undefined
      ? Number(security.runAsGroup.value)
      : groupPart
        ? lookUpGroup(groupPart, accounts.group, object)
        : account.gid;
  return { uid: account.uid, gid, additionalGids: additionalGroups(security, account.name, gid, accounts.group) };
}

interface Account {
  uid: number;
  gid: number;
  /** Undefined for a number that no line of /etc/passwd has. */
  name: string | undefined;
}

function lookUpUser(user: string, passwd: string, object: string): Account {
  if (!isUserId(user)) return lookUpName(user, passwd, object);
  return accountsOf(passwd).find(({ uid }) => uid === Number(user)) ?? { uid: Number(user), gid: 0, name: undefined };
}

function lookUpName(user: string, passwd: string, object: string): Account {
  const found = accountsOf(passwd).find(({ name }) => name === user);
  if (found) return found;
  throw new PluginError('INVALID_ARGUMENT', `the image has no user ${JSON.stringify(user)} in /etc/passwd`, {
    object,
    hint: 'give a user of the image, or a number as run_as_user',
  });
}

function accountsOf(passwd: string): Account[] {
  return records(passwd)
    .filter(([, , uid = '', gid = '']) => isUserId(uid) && isUserId(gid))
    .map(([name, , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }));
}

function lookUpGroup(group: string, groups: string, object: string): number {
  if (isUserId(group)) return Number(group);
  const found = records(groups).find(([name, , gid = '']) => name === group && isUserId(gid));
  if (found) return Number(found[2]);
  throw new PluginError('INVALID_ARGUMENT', `the image has no group ${JSON.stringify(group)} in /etc/group`, {
    object,
    hint: 'give a group of the image, or a number',
  });
}

/**
 * The process's own group, which else a program with the set-group-ID bit could drop, and with it what is forbidden to that group; then
 * by policy Merge the image's groups of the user and the request's, by Strict the request's alone.
 */
function additionalGroups(
  security: LinuxContainerSecurityContext | undefined,
  name: string | undefined,
  gid: number,
  groups: string,
): number[] {
  const asked = (security?.supplementalGroups ?? []).map(Number);
  const strict = security?.supplementalGroupsPolicy === SupplementalGroupsPolicy.Strict;
  const member =
    strict || name === undefined
      ? []
      : records(groups).flatMap(([, , id = '', members = '']) => (isUserId(id) && members.split(',').includes(name) ? [Number(id)] : []));
  return [...new Set([gid, ...member, ...asked])];
}

function records(file: string): string[][] {
  return file
    .split('\n')
    .filter((line) => line && !line.startsWith('#'))
    .map((line) => line.split(':'));
}
