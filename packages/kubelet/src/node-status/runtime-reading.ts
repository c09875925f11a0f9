import type { NodeStatus } from '@berth/api/objects';
import { type Image, ListImagesRequest, StatusRequest, VersionRequest } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { RuntimeClient } from '../runtime/runtime-client.ts';

/** What the default runtime tells of itself for the node's status. */
export interface RuntimeReading {
  /** Why it can't run pods, in kubelet's words; empty: it can. */
  problems: string[];
  /** `containerd://1.6.20`; empty if it doesn't answer. */
  version: string;
  images: Image[];
  runtimeHandlers: NonNullable<NodeStatus['runtimeHandlers']>;
  features: NonNullable<NodeStatus['features']>;
}

/** Asks the runtime; one that doesn't answer is a problem, not an error. */
export async function readRuntime({ runtime, images }: RuntimeClient, signal: AbortSignal): Promise<RuntimeReading> {
  const silent: RuntimeReading = { problems: [], version: '', images: [], runtimeHandlers: [], features: {} };
  try {
    const { status, runtimeHandlers, features } = await runtime.status(StatusRequest.create(), { signal });
    const { runtimeName, runtimeVersion } = await runtime.version(VersionRequest.create(), { signal });
    const stored = await images.listImages(ListImagesRequest.create(), { signal });
    return {
      problems: problemsOf(status?.conditions ?? []),
      version: `${runtimeName}://${runtimeVersion}`,
      images: stored.images,
      runtimeHandlers: runtimeHandlers.map(({ name, features: { recursiveReadOnlyMounts = false, userNamespaces = false } = {} }) => ({
        name,
        features: { recursiveReadOnlyMounts, userNamespaces },
      })),
      features: features ? { supplementalGroupsPolicy: features.supplementalGroupsPolicy } : {},
    };
  } catch (thrown) {
    return { ...silent, problems: [`container runtime is down: ${PluginError.from(thrown).message}`] };
  }
}

function problemsOf(conditions: { type: string; status: boolean; reason: string; message: string }[]): string[] {
  return ['RuntimeReady', 'NetworkReady'].flatMap((type) => {
    const { status = false, reason = '', message = '' } = conditions.find((condition) => condition.type === type) ?? {};
    const what = type === 'NetworkReady' ? 'container runtime network not ready' : 'container runtime not ready';
    return status ? [] : [`${what}: ${type}=false reason:${reason} message:${message}`];
  });
}
