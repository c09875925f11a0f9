import { loadProtocol, type Protocol, type Rpc } from '../protocol.ts';

/** Releases of Kubernetes that brought optional calls; the others are those of the first v1beta1. */
const since: Record<string, string> = { PreStartContainer: '1.10', GetPreferredAllocation: '1.19' };
const firstRelease = '1.10';

let loaded: Protocol | undefined;

/** The device plugin API, v1beta1. The `since` of an RPC is a release of Kubernetes. */
export function deviceProtocol(): Protocol {
  loaded ??= loadProtocol({
    file: 'device-plugin.proto',
    package: 'v1beta1',
    services: ['Registration', 'DevicePlugin'],
    since: (rpc) => since[rpc] ?? firstRelease,
  });
  return loaded;
}

/** The call by which plugins make themselves known. */
export function registerRpc(): Rpc {
  return deviceProtocol().rpcs.find(({ name }) => name === 'Register') as Rpc;
}
