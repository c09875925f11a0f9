import { existsSync, lstatSync, readlinkSync, statSync } from 'node:fs';
import { isNamespaceFile } from '../namespace-file.ts';
import { CniError, errorCodes } from './types.ts';

const object = 'CNI_NETNS';

/** Throws a CniError (code 4) where CNI_NETNS is no network namespace: for the verbs that can't do without. */
export function requireNetworkNamespace(netns: string): void {
  if (isNamespaceFile(netns)) return;
  const what = existsSync(netns) ? `${netns} is no network namespace` : `no network namespace at ${netns}`;
  throw new CniError(errorCodes.invalidEnvironment, what, { object, hint: 'make one with `ip netns add`' });
}

/**
 * The error of a CNI_NETNS that is no container's; undefined of one that is. It has code 8 where that is the namespace that the plugin runs in, the
 * host's as a rule, unless CNI_NETNS_OVERRIDE allows it (`true` or `1`), as with libcni's skeleton, which says so after ADD and DEL are done; and
 * code 4 where it is the link of a process to a namespace of another kind. A path where nothing is passes: DEL comes with one, and an IPAM plugin
 * needs none.
 */
export function wrongNamespace(netns: string, { CNI_NETNS_OVERRIDE = '' }: Record<string, string | undefined>): CniError | undefined {
  const file = ifThere(() => lstatSync(netns, { throwIfNoEntry: false }));
  // That of a process that has ended, and isn't waited for yet, can't be read.
  const target = file?.isSymbolicLink() ? ifThere(() => readlinkSync(netns)) : undefined;
  const otherKind = target === undefined ? undefined : errorOfOtherKind(netns, target);
  if (otherKind) return otherKind;
  const namespace = file?.isSymbolicLink() ? ifThere(() => statSync(netns, { throwIfNoEntry: false })) : file;
  const own = namespace && ifThere(() => statSync(ownNamespace, { throwIfNoEntry: false }));
  if (own === undefined || own.ino !== namespace?.ino || own.dev !== namespace.dev) return undefined;
  if (CNI_NETNS_OVERRIDE === '1' || CNI_NETNS_OVERRIDE.toLowerCase() === 'true') return undefined;
  return new CniError(errorCodes.invalidNetworkNamespace, `${netns} is the network namespace that this plugin runs in`, {
    object,
    hint: "pass a container's; with DEL pass none where that is gone",
  });
}

const ownNamespace = '/proc/self/ns/net';

/** What can't be looked at is left to who has to use it. */
function ifThere<Found>(look: () => Found): Found | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

/** A link to a namespace reads like `pid:[4026531836]` (namespaces(7)). */
function errorOfOtherKind(netns: string, target: string): CniError | undefined {
  const kind = /^(\w+):\[\d+\]$/.exec(target)?.[1];
  if (kind === undefined || kind === 'net') return undefined;
  return new CniError(errorCodes.invalidEnvironment, `${netns} is no network namespace but one of the kind ${kind}`, {
    object,
    hint: "pass the process's ns/net",
  });
}
