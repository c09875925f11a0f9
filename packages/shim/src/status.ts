import type { RuntimeHandlerFeatures, StatusRequest, StatusResponse } from '@berth/sdk/cri';
import type { Shim } from './shim.ts';

/** CRI Status: the conditions that every kubelet asks for, and the handlers served here. */
export async function status(shim: Shim, { verbose }: StatusRequest): Promise<StatusResponse> {
  const problem = shim.features.network ? await shim.network.problem() : undefined;
  const networkReady = problem
    ? { status: false, reason: 'NetworkPluginNotReady', message: problem.message }
    : { status: true, reason: '', message: '' };
  const runtimeReady = shim.fault
    ? { status: false, reason: 'RuntimeFault', message: shim.fault }
    : { status: true, reason: '', message: '' };
  return {
    status: {
      conditions: [
        { type: 'RuntimeReady', ...runtimeReady },
        { type: 'NetworkReady', ...networkReady },
      ],
    },
    info: verbose ? await info(shim) : {},
    runtimeHandlers: ['', shim.handler].map((name) => ({ name, features: handlerFeatures(shim) })),
    features: { supplementalGroupsPolicy: true, userNamespacesHostNetwork: false },
  };
}

function handlerFeatures(shim: Shim): RuntimeHandlerFeatures {
  return {
    recursiveReadOnlyMounts: shim.supports('mounts[].recursive_read_only'),
    userNamespaces: shim.supports('linux.security_context.namespace_options.userns_options'),
  };
}

/** For a person: what this server is, and what its pods' network will be. */
async function info({ handler, features, version, podCidr, network }: Shim): Promise<Record<string, string>> {
  return {
    info: JSON.stringify({ handler, runtime: version, features, podCidr: podCidr.ranges }),
    ...(features.network && { network: JSON.stringify(await network.describe()) }),
  };
}
