import { NamespaceMode, SecurityProfile_ProfileType } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { ContainerSpec, Refusal, SandboxSpec } from '@berth/shim/runtime';

/** What no pod can have under the Sentry, by CRI field. */
export const refused: Refusal[] = [
  { field: 'linux.security_context.privileged', reason: 'a privileged container would be as good as outside of the Sentry' },
  { field: 'linux.sysctls', reason: "sysctls are the host kernel's, which containers don't run on" },
  { field: 'devices', reason: 'the Sentry opens no devices but /dev/null, zero, full, random and urandom' },
  { field: 'tty', reason: 'the Sentry has no terminals' },
];

/** Rights about files, ids and the container's own processes. All others are rights in the host's kernel. */
const openCapabilities = new Set(
  `CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP SETFCAP MKNOD NET_BIND_SERVICE NET_RAW SYS_CHROOT
   AUDIT_WRITE`.split(/\s+/),
);

/** Throws what of a sandbox is refused by the value of a field. */
export function checkSandbox({ id, config }: SandboxSpec): void {
  const options = config.linux?.securityContext?.namespaceOptions;
  for (const kind of ['network', 'pid', 'ipc'] as const) {
    if (options?.[kind] === NamespaceMode.NODE)
      throw refusal(
        `sandbox ${id.slice(0, 12)}`,
        `linux.security_context.namespace_options.${kind}`,
        "the host's namespaces are out of a Sentry's reach",
      );
  }
}

/** Throws what of a container is refused by the value of a field. */
export function checkContainer({ id, config, mounts }: ContainerSpec): void {
  const object = `container ${config.metadata?.name ?? ''} (${id.slice(0, 12)})`;
  if (config.linux?.securityContext?.seccomp?.profileType === SecurityProfile_ProfileType.Localhost)
    throw refusal(object, 'linux.security_context.seccomp', 'the only filter is that of the Sentry');
  const { addCapabilities = [], addAmbientCapabilities = [] } = config.linux?.securityContext?.capabilities ?? {};
  const outer = [...addCapabilities, ...addAmbientCapabilities].find(
    (name) => !openCapabilities.has(name.toUpperCase().replace(/^CAP_/, '')),
  );
  if (outer !== undefined) throw refusal(object, 'linux.security_context.capabilities', `${outer} would be a right in the host's kernel`);
  const hidden = mounts.find(({ destination }) => /^\/(proc|sys)(\/|$)/.test(destination));
  if (hidden) throw refusal(object, 'mounts[].container_path', `${hidden.destination} is the Sentry's own`);
  if (mounts.some(({ propagation }) => propagation === 'rshared'))
    throw refusal(object, 'mounts[].propagation', 'a container under the Sentry mounts nothing that could be passed on');
}

function refusal(object: string, field: string, reason: string): PluginError {
  return new PluginError('INVALID_ARGUMENT', `${field}: ${reason}`, { object, hint: 'leave the field out, or choose another runtime' });
}
