import type { Duplex } from 'node:stream';
import type { PortForwardRequest, PortForwardResponse } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import { dialLoopback } from '../network/dial-loopback.ts';
import type { Shim } from '../shim.ts';
import type { PortForward } from '../streaming/port-forward.ts';
import { describeSandbox, sandboxSpec, usesHostNetwork } from './sandbox.ts';

/** CRI PortForward: where a client fetches a session that carries connections to ports of the pod's loopback. */
export function portForward(shim: Shim, { podSandboxId, port: ports }: PortForwardRequest): PortForwardResponse {
  const { id, config } = shim.sandboxes.getReady(podSandboxId);
  const object = describeSandbox({ id, config });
  const wrong = ports.find((port) => port < 1 || port > 65_535);
  if (wrong !== undefined) throw new PluginError('INVALID_ARGUMENT', `port: ${wrong} is none`, { object, hint: 'give 1 to 65535' });
  if (!shim.runtime.dial && !shim.features.network && !usesHostNetwork(config)) {
    throw new PluginError('UNIMPLEMENTED', `pods of the runtime ${shim.handler} have no network`, {
      object,
      hint: 'choose another runtime',
    });
  }
  const session: PortForward = { kind: 'portforward', object, ports, dial: (port, signal) => dial(shim, id, port, signal) };
  return { url: shim.streaming.url(session, ports.length * 8) };
}

async function dial(shim: Shim, id: string, port: number, signal: AbortSignal): Promise<Duplex> {
  const spec = sandboxSpec(shim.sandboxes.getReady(id), shim.directories);
  if (shim.runtime.dial) return shim.runtime.dial(spec, port, signal);
  return dialLoopback(spec.namespaces.network, port, signal);
}
