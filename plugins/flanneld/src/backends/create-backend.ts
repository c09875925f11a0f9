import type { ExternalInterface } from '../interface/external-interface.ts';
import type { BackendType, NetworkConfig } from '../network-config.ts';
import type { Backend } from './backend.ts';
import { HostGw } from './host-gw/host-gw.ts';
import { Udp } from './udp/udp.ts';
import { readUdpConfig } from './udp/udp-config.ts';
import { Vxlan } from './vxlan/vxlan.ts';
import { readVxlanConfig } from './vxlan/vxlan-config.ts';

const makers: Record<BackendType, (config: NetworkConfig, external: ExternalInterface) => Backend> = {
  'host-gw': (_config, external) => new HostGw(external),
  vxlan: ({ backend }, external) => new Vxlan(external, readVxlanConfig(backend)),
  udp: (config, external) => new Udp(external, readUdpConfig(config)),
};

/** The back end that the network's configuration asks for. Throws where it can't work with the keys or the interface that are given. */
export function createBackend(config: NetworkConfig, external: ExternalInterface): Backend {
  return makers[config.backendType](config, external);
}
