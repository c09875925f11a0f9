import { loadProtocol, type Protocol } from '../protocol.ts';

/** k8s.io/cri-api's releases since the first v1, by its history; RPCs that aren't listed are older. */
const since: Record<string, string> = {
  CheckpointContainer: '0.25',
  GetContainerEvents: '0.26',
  ListMetricDescriptors: '0.26',
  ListPodSandboxMetrics: '0.26',
  RuntimeConfig: '0.28',
  UpdatePodSandboxResources: '0.33',
  StreamPodSandboxes: '0.36',
  StreamContainers: '0.36',
  StreamContainerStats: '0.36',
  StreamPodSandboxStats: '0.36',
  StreamPodSandboxMetrics: '0.36',
  StreamImages: '0.36',
};

export const firstRelease = '0.23';
export const newestRelease = '0.36';

let loaded: Protocol | undefined;

/** CRI v1, but for Windows. The `since` of an RPC is a release of k8s.io/cri-api; those of the first v1 have 0.23. */
export function criProtocol(): Protocol {
  loaded ??= loadProtocol({
    file: 'cri.proto',
    package: 'runtime.v1',
    services: ['RuntimeService', 'ImageService'],
    since: (rpc) => since[rpc] ?? firstRelease,
    // The signals are the kernel's; what is CRI's is that one can be asked for, by a field.
    leftOut: { messages: /Windows/, fields: /^windows$/, enumerations: /^Signal$/ },
  });
  return loaded;
}
