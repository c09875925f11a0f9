import { type IDMapping, NamespaceMode, type NamespaceOption } from '@berth/sdk/cri';
import type { SandboxSpec } from '../runtime.ts';
import type { OciConfig, OciIdMapping, OciNamespace } from './config-json.ts';
import type { HostFacts } from './host-facts.ts';

/**
 * The namespaces of a container: user, network, IPC and UTS are the sandbox's (none where that uses the host's), the mount one is its
 * own. `pidPath` is the PID namespace that the sandbox's containers share, or the target's, if there is one. Modes that the shim refuses
 * don't come here.
 */
export function namespaces(
  options: NamespaceOption | undefined,
  sandbox: SandboxSpec,
  pidPath: string | undefined,
  facts: HostFacts,
): OciNamespace[] {
  return [
    ...joined('user', sandbox.namespaces.user),
    { type: 'mount' },
    ...joined('network', sandbox.namespaces.network),
    ...ipc(options, sandbox),
    ...joined('uts', sandbox.namespaces.uts),
    ...pid(options, sandbox, pidPath),
    // On v1 hosts the field leaves it out: tools inside look up their cgroup by the host's path.
    ...(facts.unifiedCgroups ? [{ type: 'cgroup' } as const] : []),
  ];
}

/** What the process that holds a shared PID namespace runs in: it can be traced from inside the pod, so it sees no more than that. */
export function pauseNamespaces({ namespaces: { user, network, ipc, uts } }: SandboxSpec): OciNamespace[] {
  return [
    ...joined('user', user),
    { type: 'pid' },
    { type: 'mount' },
    ...joined('network', network),
    ...joined('ipc', ipc),
    ...joined('uts', uts),
  ];
}

function joined(type: OciNamespace['type'], path: string | undefined): OciNamespace[] {
  return path === undefined ? [] : [{ type, path }];
}

function ipc(options: NamespaceOption | undefined, sandbox: SandboxSpec): OciNamespace[] {
  return hasOwnIpc(options) ? [{ type: 'ipc' }] : joined('ipc', sandbox.namespaces.ipc);
}

/** Whether the container has an IPC namespace, and so a /dev/shm, to itself. */
export function hasOwnIpc(options: NamespaceOption | undefined): boolean {
  return options?.ipc === NamespaceMode.CONTAINER;
}

/** In a pod of the host's PID namespace mode POD is that too: it is what the pod's containers share. */
function pid(options: NamespaceOption | undefined, sandbox: SandboxSpec, path: string | undefined): OciNamespace[] {
  const mode = options?.pid ?? NamespaceMode.POD;
  const ofPod = sandbox.config.linux?.securityContext?.namespaceOptions?.pid;
  if (mode === NamespaceMode.NODE || (mode === NamespaceMode.POD && ofPod === NamespaceMode.NODE)) return [];
  return [mode !== NamespaceMode.CONTAINER && path !== undefined ? { type: 'pid', path } : { type: 'pid' }];
}

/** How the ids of the sandbox's user namespace are seen outside: OCI runtimes want to be told, also of one that is joined. */
export function idMappings({ idMappings: mappings }: SandboxSpec): Pick<OciConfig['linux'], 'uidMappings' | 'gidMappings'> {
  if (!mappings) return {};
  const oci = ({ containerId, hostId, length }: IDMapping): OciIdMapping => ({ containerID: containerId, hostID: hostId, size: length });
  return { uidMappings: mappings.uids.map(oci), gidMappings: mappings.gids.map(oci) };
}
