import { RuntimeHandler, type StatusRequest, type StatusResponse } from '@berth/sdk/cri';
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
  const info: Record<string, string> = verbose ? { info: JSON.stringify({ handler: shim.handler, features: shim.features }) } : {};
  return {
    status: {
      conditions: [
        { type: 'RuntimeReady', ...runtimeReady },
        { type: 'NetworkReady', ...networkReady },
      ],
    },
    info,
    runtimeHandlers: ['', shim.handler].map((name) => RuntimeHandler.fromPartial({ name, features: {} })),
    features: { supplementalGroupsPolicy: true, userNamespacesHostNetwork: false },
  };
}
