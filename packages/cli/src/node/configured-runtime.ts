import { milliseconds } from '@berth/kubelet/duration';
import type { KubeletConfiguration } from '@berth/kubelet/kubelet-configuration';
import type { NodeConfiguration } from '../configuration/node-configuration.ts';

/** The handler of the runtime that a KubeletConfiguration names. */
const configuredHandler = 'cri';

/**
 * The runtimes of a node, and how long they may take to answer, where a KubeletConfiguration says so. The runtimes are those of berth.yaml, and before
 * them, as the default one, the one that containerRuntimeEndpoint names. Where that is the only file that says something of runtimes, it is the only
 * one. The deadline is runtimeRequestTimeout's, whatever berth.yaml says.
 */
export function withConfiguredRuntime(node: NodeConfiguration, configuration: KubeletConfiguration, fromFile: boolean): NodeConfiguration {
  const runtimeRequestTimeoutMs = milliseconds(configuration.runtimeRequestTimeout);
  return { ...node, runtimeRequestTimeoutMs, ...configuredRuntimes(node, configuration, fromFile) };
}

function configuredRuntimes(
  node: NodeConfiguration,
  { containerRuntimeEndpoint, imageServiceEndpoint }: KubeletConfiguration,
  fromFile: boolean,
): Pick<NodeConfiguration, 'defaultHandler' | 'runtimes'> {
  const { defaultHandler, runtimes } = node;
  if (containerRuntimeEndpoint === '') return { defaultHandler, runtimes };
  const imageEndpoint = imageServiceEndpoint === '' ? {} : { imageEndpoint: address(imageServiceEndpoint) };
  const runtime = { handler: configuredHandler, endpoint: address(containerRuntimeEndpoint), ...imageEndpoint };
  const others = fromFile ? runtimes.filter(({ handler }) => handler !== configuredHandler) : [];
  return { defaultHandler: configuredHandler, runtimes: [runtime, ...others] };
}

/** As kubelet, takes a bare path for a socket. */
function address(endpoint: string): string {
  return endpoint.startsWith('/') ? `unix://${endpoint}` : endpoint;
}
