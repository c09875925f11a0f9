import type { AppArmorProfile, PodSecurityContext, SeccompProfile, SecurityContext } from '../objects.ts';
import { checkEach, checkRange, checkSupported, type FieldError, invalid, required } from './field-error.ts';
import { validateLocalPath } from './volume-paths.ts';

/** User and group ids are int32 on the wire of every runtime. */
const maxId = 2 ** 31 - 1;
const sysctlForm = '^[a-z0-9]([-_a-z0-9]*[a-z0-9])?([./][a-z0-9]([-_a-z0-9]*[a-z0-9])?)*$';

export function validatePodSecurityContext(context: PodSecurityContext, path: string): FieldError[] {
  const { sysctls = [] } = context;
  const names = sysctls.map(({ name }) => name?.replaceAll('/', '.'));
  return [
    ...validateIds(context, path),
    ...checkRange(`${path}.fsGroup`, context.fsGroup, 0, maxId),
    ...checkEach(`${path}.supplementalGroups`, context.supplementalGroups, (group, at) => checkRange(at, group, 0, maxId)),
    ...checkSupported(`${path}.fsGroupChangePolicy`, context.fsGroupChangePolicy, ['Always', 'OnRootMismatch']),
    ...checkSupported(`${path}.supplementalGroupsPolicy`, context.supplementalGroupsPolicy, ['Merge', 'Strict']),
    ...checkEach(`${path}.sysctls`, sysctls, ({ name }, at) => validateSysctlName(name, `${at}.name`)),
    ...names.flatMap((name, index) =>
      name && names.indexOf(name) < index ? [invalid(`${path}.sysctls[${index}].name`, name, 'must be unique')] : [],
    ),
  ];
}

export function validateSecurityContext(context: SecurityContext, path: string): FieldError[] {
  const { privileged, allowPrivilegeEscalation, procMount, capabilities } = context;
  const refusals = [
    ...(privileged ? ['cannot set `allowPrivilegeEscalation` to false and `privileged` to true'] : []),
    ...(capabilities?.add?.includes('CAP_SYS_ADMIN')
      ? ['cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN']
      : []),
  ];
  return [
    ...validateIds(context, path),
    ...checkSupported(`${path}.procMount`, procMount, ['Default', 'Unmasked']),
    ...(allowPrivilegeEscalation === false ? refusals.map((refusal) => invalid(path, context, refusal)) : []),
  ];
}

/** What both levels have. */
function validateIds(
  { runAsUser, runAsGroup, seccompProfile, appArmorProfile }: PodSecurityContext | SecurityContext,
  path: string,
): FieldError[] {
  return [
    ...checkRange(`${path}.runAsUser`, runAsUser, 0, maxId),
    ...checkRange(`${path}.runAsGroup`, runAsGroup, 0, maxId),
    ...(seccompProfile ? validateProfile(seccompProfile, `${path}.seccompProfile`, 'seccomp') : []),
    ...(appArmorProfile ? validateProfile(appArmorProfile, `${path}.appArmorProfile`, 'AppArmor') : []),
  ];
}

function validateProfile(
  { type, localhostProfile }: SeccompProfile | AppArmorProfile,
  path: string,
  what: 'seccomp' | 'AppArmor',
): FieldError[] {
  const at = `${path}.localhostProfile`;
  return [
    ...(type
      ? checkSupported(`${path}.type`, type, ['Localhost', 'RuntimeDefault', 'Unconfined'])
      : [required(`${path}.type`, 'type is required when profile is set')]),
    ...(type === 'Localhost' && !localhostProfile ? [required(at, `must be set when ${what} type is Localhost`)] : []),
    ...(type !== 'Localhost' && localhostProfile !== undefined
      ? [invalid(at, localhostProfile, `can only be set when ${what} type is Localhost`)]
      : []),
    // An AppArmor profile is a name known to the kernel, a seccomp profile a file of the kubelet.
    ...(what === 'seccomp' && localhostProfile ? validateLocalPath(localhostProfile, at) : []),
  ];
}

function validateSysctlName(name: string | undefined, path: string): FieldError[] {
  if (!name) return [required(path)];
  return name.length <= 253 && new RegExp(sysctlForm).test(name)
    ? []
    : [invalid(path, name, `must have at most 253 characters and match regex ${sysctlForm}`)];
}
