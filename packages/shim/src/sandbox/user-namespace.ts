import { type IDMapping, NamespaceMode, type NamespaceOption, type PodSandboxConfig, type UserNamespace } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';

/** How ids inside a user namespace are seen outside (user_namespaces(7)). */
export interface IdMappings {
  uids: IDMapping[];
  gids: IDMapping[];
}

/** As a container's process runs, by ids inside. */
interface ProcessUser {
  uid: number;
  gid: number;
  additionalGids: number[];
}

/** (uid_t)-1 is no id. */
const mostIds = 2 ** 32 - 1;

/** The user namespace that a pod asks for; undefined for the host's. */
export function userNamespaceOf({ linux }: PodSandboxConfig): IdMappings | undefined {
  const options = linux?.securityContext?.namespaceOptions?.usernsOptions;
  return isOwn(options) ? { uids: options.uids, gids: options.gids } : undefined;
}

/** The host's id of root inside. */
export function rootOf({ uids, gids }: IdMappings): { uid: number; gid: number } {
  const [uid, gid] = [uids, gids].map((ranges) => ranges.find(({ containerId }) => containerId === 0)?.hostId ?? 0) as [number, number];
  return { uid, gid };
}

/** Throws INVALID_ARGUMENT for a user namespace that no sandbox could have. */
export function checkUserNamespace(options: NamespaceOption | undefined, object: string): void {
  const user = options?.usernsOptions;
  const refuse = (what: string): never => {
    throw new PluginError('INVALID_ARGUMENT', `linux.security_context.namespace_options.userns_options: ${what}`, { object });
  };
  if (user && user.mode !== NamespaceMode.POD && user.mode !== NamespaceMode.NODE) refuse('its mode is neither POD nor NODE');
  if (!isOwn(user)) return;
  for (const [name, ranges] of [['uids', user.uids] as const, ['gids', user.gids] as const]) {
    const [range, second] = ranges;
    if (!range || second) refuse(`${name} has ${ranges.length} ranges, and one is needed`);
    else if (range.containerId !== 0 || range.length === 0) refuse(`${name} doesn't begin at id 0 of the container`);
    else if (range.hostId + range.length > mostIds) refuse(`${name} ends beyond the last id`);
  }
  const shared = (['network', 'pid', 'ipc'] as const).find((kind) => options?.[kind] === NamespaceMode.NODE);
  if (shared) refuse(`the kernel lets nobody in a user namespace use the host's ${shared} namespace in full`);
}

/** Throws INVALID_ARGUMENT where a container names another user namespace than its sandbox; one that names none has the sandbox's. */
export function checkSameUserNamespace(asked: UserNamespace | undefined, sandbox: IdMappings | undefined, object: string): void {
  if (asked === undefined) return;
  const own = isOwn(asked) ? { uids: asked.uids, gids: asked.gids } : undefined;
  if (own === undefined ? sandbox === undefined : sandbox !== undefined && isSame(own, sandbox)) return;
  throw new PluginError('INVALID_ARGUMENT', "linux.security_context.namespace_options.userns_options: it is not the sandbox's", { object });
}

/** Throws INVALID_ARGUMENT for a user or groups that the pod's user namespace has no ids for: nobody can become them. */
export function checkMapped(user: ProcessUser, mappings: IdMappings | undefined, object: string): void {
  if (!mappings) return;
  const isMapped = (id: number, ranges: IDMapping[]): boolean =>
    ranges.some(({ containerId, length }) => id >= containerId && id < containerId + length);
  const group = [user.gid, ...user.additionalGids].find((id) => !isMapped(id, mappings.gids));
  const unmapped = isMapped(user.uid, mappings.uids) ? group !== undefined && `group ${group}` : `user ${user.uid}`;
  if (!unmapped) return;
  throw new PluginError('INVALID_ARGUMENT', `linux.security_context: ${unmapped} isn't mapped in the pod's user namespace`, {
    object,
    hint: "choose another, or map more ids in the pod's userns_options",
  });
}

export function isSame(one: IdMappings, other: IdMappings): boolean {
  return mapFile(one.uids) === mapFile(other.uids) && mapFile(one.gids) === mapFile(other.gids);
}

/** As /proc/PID/uid_map takes them. */
export function mapFile(ranges: IDMapping[]): string {
  return ranges.map(({ containerId, hostId, length }) => `${containerId} ${hostId} ${length}\n`).join('');
}

function isOwn(options: UserNamespace | undefined): options is UserNamespace {
  return options !== undefined && options.mode !== NamespaceMode.NODE;
}
