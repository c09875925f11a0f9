import {
  type LinuxContainerSecurityContext,
  NamespaceMode,
  type NamespaceOption,
  type PodSandboxConfig,
  SupplementalGroupsPolicy,
} from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';

/** (uid_t)-1 is no id. */
const largestId = 2n ** 32n - 2n;

/** Throws INVALID_ARGUMENT, by the field, for a security context that no container of the sandbox could have. */
export function checkSecurityContext(context: LinuxContainerSecurityContext | undefined, sandbox: PodSandboxConfig, object: string): void {
  if (!context) return;
  const refuse = (field: string, what: string): never => {
    throw new PluginError('INVALID_ARGUMENT', `linux.security_context.${field} ${what}`, { object });
  };
  const { runAsUser, runAsGroup, runAsUsername, supplementalGroups, supplementalGroupsPolicy, namespaceOptions, privileged } = context;
  if (privileged && !sandbox.linux?.securityContext?.privileged) refuse('privileged', "is set, and the sandbox isn't privileged");
  if (runAsUser && runAsUsername) refuse('run_as_username', 'is set together with run_as_user');
  for (const [field, id] of [['run_as_user', runAsUser?.value] as const, ['run_as_group', runAsGroup?.value] as const]) {
    if (id !== undefined && !isId(id)) refuse(field, `is ${id}, which is no id`);
  }
  const group = supplementalGroups.find((id) => !isId(id));
  if (group !== undefined) refuse('supplemental_groups', `has ${group}, which is no id`);
  if (!isKnown(SupplementalGroupsPolicy, supplementalGroupsPolicy)) refuse('supplemental_groups_policy', `is ${supplementalGroupsPolicy}`);
  if (namespaceOptions) checkModes(namespaceOptions, refuse);
}

function checkModes(options: NamespaceOption, refuse: (field: string, what: string) => never): void {
  for (const kind of ['network', 'pid', 'ipc'] as const) {
    const mode = options[kind];
    const meaningful = isKnown(NamespaceMode, mode) && (mode !== NamespaceMode.TARGET || kind === 'pid');
    if (!meaningful) refuse(`namespace_options.${kind}`, `can't have the mode ${mode}`);
  }
}

function isId(value: bigint): boolean {
  return value >= 0n && value <= largestId;
}

function isKnown(values: Record<string, unknown>, value: number): boolean {
  return value >= 0 && Object.values(values).includes(value);
}
