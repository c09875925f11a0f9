import type { KubeletConfiguration } from '@berth/kubelet/kubelet-configuration';
import type { NodeConfiguration } from '../configuration/node-configuration.ts';

/** The handler of the runtime that a KubeletConfiguration names. */
const configuredHandler = 'cri';

/**
 * The runtimes of a node: those of berth.yaml, and before them, as the default one, the one that containerRuntimeEndpoint names. Where that is the
 * only file that says something of runtimes, it is the only one.
 */
export function withConfiguredRuntime(
  node: NodeConfiguration,
  { containerRuntimeEndpoint, imageServiceEndpoint }: KubeletConfiguration,
  fromFile: boolean,
): NodeConfiguration {
  if (containerRuntimeEndpoint === '') return node;
  const imageEndpoint = imageServiceEndpoint === '' ? {} : { imageEndpoint: address(imageServiceEndpoint) };
  const runtime = { handler: configuredHandler, endpoint: address(containerRuntimeEndpoint), ...imageEndpoint };
  const others = fromFile ? node.runtimes.filter(({ handler }) => handler !== configuredHandler) : [];
  return { ...node, defaultHandler: configuredHandler, runtimes: [runtime, ...others] };
}

/** As kubelet, takes a bare path for a socket. */
function address(endpoint: string): string {
  return endpoint.startsWith('/') ? `unix://${endpoint}` : endpoint;
}
