import {
  type LinuxContainerSecurityContext,
  NamespaceMode,
  type NamespaceOption,
  type PodSandboxConfig,
  SupplementalGroupsPolicy,
} from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { isUserId } from '../user-id.ts';

/** Throws INVALID_ARGUMENT, by the field, for a security context that no container of the sandbox could have. */
export function checkSecurityContext(context: LinuxContainerSecurityContext | undefined, sandbox: PodSandboxConfig, object: string): void {
  if (!context) return;
  const { namespaceOptions, privileged } = context;
  if (privileged && !sandbox.linux?.securityContext?.privileged)
    throw refusal('privileged', "is set, and the sandbox isn't privileged", object);
  checkIdentity(context, object);
  if (namespaceOptions) checkModes(namespaceOptions, sandbox.linux?.securityContext?.namespaceOptions, object);
}

type Identity = Pick<
  LinuxContainerSecurityContext,
  'runAsUser' | 'runAsGroup' | 'runAsUsername' | 'supplementalGroups' | 'supplementalGroupsPolicy'
>;

/** Throws INVALID_ARGUMENT, by the field, for users and groups that no process could have. */
export function checkIdentity(context: Identity, object: string): void {
  const { runAsUser, runAsGroup, runAsUsername, supplementalGroups, supplementalGroupsPolicy: policy } = context;
  if (runAsUser && runAsUsername) throw refusal('run_as_username', 'is set together with run_as_user', object);
  for (const [field, id] of [['run_as_user', runAsUser?.value] as const, ['run_as_group', runAsGroup?.value] as const]) {
    if (id !== undefined && !isUserId(String(id))) throw refusal(field, `is ${id}, which is no id`, object);
  }
  const group = supplementalGroups.find((id) => !isUserId(String(id)));
  if (group !== undefined) throw refusal('supplemental_groups', `has ${group}, which is no id`, object);
  if (policy < 0 || !Object.values<number>(SupplementalGroupsPolicy).includes(policy)) {
    throw refusal('supplemental_groups_policy', `is ${policy}`, object);
  }
}

/** The modes that a container can ask for; TARGET is another container's. */
const modes = {
  network: [NamespaceMode.POD, NamespaceMode.NODE],
  pid: [NamespaceMode.POD, NamespaceMode.CONTAINER, NamespaceMode.NODE, NamespaceMode.TARGET],
  ipc: [NamespaceMode.POD, NamespaceMode.CONTAINER, NamespaceMode.NODE],
} satisfies Partial<Record<keyof NamespaceOption, NamespaceMode[]>>;

/** A namespace of the host is a container's only where it is its pod's. */
function checkModes(options: NamespaceOption, ofPod: NamespaceOption | undefined, object: string): void {
  for (const kind of ['network', 'pid', 'ipc'] as const) {
    const mode = options[kind];
    const field = `namespace_options.${kind}`;
    if (!modes[kind].some((known) => known === mode)) throw refusal(field, `can't have the mode ${nameOf(mode)}`, object);
    if (mode === NamespaceMode.NODE && ofPod?.[kind] !== mode) throw refusal(field, "is NODE, and the sandbox's isn't", object);
  }
}

function nameOf(mode: number): string {
  return Object.entries(NamespaceMode).find(([, number]) => number === mode)?.[0] ?? String(mode);
}

function refusal(field: string, what: string, object: string): PluginError {
  return new PluginError('INVALID_ARGUMENT', `linux.security_context.${field} ${what}`, { object });
}
