import { isAbsolute } from 'node:path';
import { type LinuxContainerSecurityContext, SecurityProfile_ProfileType } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { readSmallFile } from '../files/read-small-file.ts';
import type { OciSeccomp } from './config-json.ts';
import { allowedByArguments, allowedWith, allowedWithoutSysAdmin, alwaysAllowed } from './seccomp-profile.ts';

/** What a container asks for: no filter, the default one, or a profile in a file of the host. */
type SeccompChoice = { kind: 'unconfined' } | { kind: 'runtimeDefault' } | { kind: 'localhost'; path: string };

/** What containers and sandboxes both ask by. */
type SeccompFields = Pick<LinuxContainerSecurityContext, 'privileged' | 'seccomp' | 'seccompProfilePath'>;

/** The choice that a security context makes; older clients write the older form into the newer field too. One that makes none gets RuntimeDefault; privileged ones are never filtered. */
export function seccompChoice(context: SeccompFields | undefined, object: string): SeccompChoice {
  if (context?.privileged) return { kind: 'unconfined' };
  if (!context?.seccomp) return deprecatedChoice(context?.seccompProfilePath ?? '', object);
  switch (context.seccomp.profileType) {
    case SecurityProfile_ProfileType.RuntimeDefault:
      return { kind: 'runtimeDefault' };
    case SecurityProfile_ProfileType.Unconfined:
      return { kind: 'unconfined' };
    case SecurityProfile_ProfileType.Localhost:
      return { kind: 'localhost', path: context.seccomp.localhostRef.replace(/^localhost\//, '') };
    default:
      throw new PluginError('INVALID_ARGUMENT', `seccomp.profile_type ${context.seccomp.profileType} is not known`, { object });
  }
}

/** CRI's `seccomp_profile_path`, which older clients still send. */
function deprecatedChoice(value: string, object: string): SeccompChoice {
  if (value === '' || value === 'runtime/default' || value === 'docker/default') return { kind: 'runtimeDefault' };
  if (value === 'unconfined') return { kind: 'unconfined' };
  if (value.startsWith('localhost/')) return { kind: 'localhost', path: value.slice('localhost/'.length) };
  throw new PluginError('INVALID_ARGUMENT', `seccomp_profile_path ${JSON.stringify(value)} is not known`, {
    object,
    hint: 'use the seccomp field',
  });
}

/** The filter itself; undefined for none. `architectures` are libseccomp's names. */
export async function seccompFilter(
  choice: SeccompChoice,
  capabilities: string[],
  architectures: string[],
  object: string,
): Promise<OciSeccomp | undefined> {
  if (choice.kind === 'unconfined') return undefined;
  return choice.kind === 'runtimeDefault' ? runtimeDefault(capabilities, architectures) : readProfile(choice.path, object);
}

/** The default filter of a container with these capabilities. */
export function runtimeDefault(capabilities: string[], architectures: string[]): OciSeccomp {
  const extra = capabilities.flatMap((capability) => allowedWith[capability] ?? []);
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    ...(architectures.length > 0 && { architectures }),
    syscalls: [
      { names: [...new Set([...alwaysAllowed, ...extra])], action: 'SCMP_ACT_ALLOW' },
      ...allowedByArguments,
      ...(capabilities.includes('CAP_SYS_ADMIN') ? [] : allowedWithoutSysAdmin),
    ],
  };
}

/** Larger files are no profiles: the longest known have less than a tenth of it. */
const mostProfileBytes = 1024 * 1024;

/** A profile in the runtime specification's form, as an administrator put it on the node. */
async function readProfile(path: string, object: string): Promise<OciSeccomp> {
  try {
    if (!isAbsolute(path)) throw new Error('its path is not absolute');
    const profile = JSON.parse(await readSmallFile(path, mostProfileBytes)) as OciSeccomp;
    if (typeof profile?.defaultAction !== 'string') throw new Error('it has no defaultAction');
    return profile;
  } catch (cause) {
    throw new PluginError('INVALID_ARGUMENT', `seccomp profile ${path} can't be used: ${(cause as Error).message}`, {
      object,
      hint: "put a profile in the OCI runtime specification's form there",
      cause,
    });
  }
}
