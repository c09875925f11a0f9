import { NamespaceMode, NamespaceOption, PodSandboxConfig } from '@berth/sdk/cri';
import type { ShimDirectories } from '../directories.ts';
import type { Attached } from '../network/pod-network.ts';
import type { SandboxSpec } from '../runtime.ts';
import { userNamespaceOf } from './user-namespace.ts';

/**
 * How far a sandbox has come. `creating` is an intent: found after a crash, what was begun is taken away. `stopping` was
 * begun, or is all that is left to do, and is finished by the next StopPodSandbox.
 */
type SandboxPhase = 'creating' | 'ready' | 'stopping' | 'stopped';

/** What is kept of a sandbox on disk. */
export interface SandboxRecord {
  /** PodSandboxConfig in its wire encoding, base64: nothing that a client sent is lost. */
  config: string;
  runtimeHandler: string;
  phase: SandboxPhase;
  /** Milliseconds since the epoch, with fractions. */
  createdAt: number;
  namespaces: SandboxSpec['namespaces'];
  files: Record<string, string>;
  attached?: Attached;
  /** Those that the runtime itself has given it. */
  addresses?: string[];
}

export interface Sandbox {
  id: string;
  config: PodSandboxConfig;
  record: SandboxRecord;
}

export function encodeConfig(config: PodSandboxConfig): string {
  return Buffer.from(PodSandboxConfig.encode(config).finish()).toString('base64');
}

export function sandboxFromRecord(id: string, record: SandboxRecord): Sandbox {
  return { id, config: PodSandboxConfig.decode(Buffer.from(record.config, 'base64')), record };
}

/** The sandbox as the runtime sees it. */
export function sandboxSpec({ id, config, record }: Sandbox, directories: ShimDirectories): SandboxSpec {
  const idMappings = userNamespaceOf(config);
  return {
    id,
    config,
    directory: directories.sandboxRuntime(id),
    namespaces: record.namespaces,
    ...(idMappings && { idMappings }),
    sharedPid: namespaceOptionsOf(config).pid === NamespaceMode.POD,
    files: record.files,
  };
}

/** What the client asked for; an absent message is an empty one, and so POD for each (api.proto, NamespaceOption). */
export function namespaceOptionsOf(config: PodSandboxConfig): NamespaceOption {
  return config.linux?.securityContext?.namespaceOptions ?? NamespaceOption.fromPartial({});
}

/** The name that no other sandbox may have: the pod's and the attempt's. */
export function sandboxName({ metadata }: PodSandboxConfig): string {
  return [metadata?.name, metadata?.namespace, metadata?.uid, metadata?.attempt].join('_');
}

/** For messages: `sandbox default/web (3f2a…)`. */
export function describeSandbox({ id, config }: Pick<Sandbox, 'id' | 'config'>): string {
  return `sandbox ${config.metadata?.namespace}/${config.metadata?.name} (${id.slice(0, 12)})`;
}

export function usesHostNetwork(config: PodSandboxConfig): boolean {
  return namespaceOptionsOf(config).network === NamespaceMode.NODE;
}

export function usesHostIpc(config: PodSandboxConfig): boolean {
  return namespaceOptionsOf(config).ipc === NamespaceMode.NODE;
}
