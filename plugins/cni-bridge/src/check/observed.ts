import type { Network, NetworkAddress, NetworkLink, NetworkRoute } from '@berth/sdk/cni/network';
import type { PluginRequest } from '@berth/sdk/cni/plugin';
import type { Configuration } from '../configuration.ts';
import { vlanGatewayName } from '../configuration.ts';
import { openHostAndContainer } from '../host-and-container.ts';
import { usesVlans } from '../ports.ts';
import { vlansOfGateway } from '../vlan-gateway.ts';
import type { Expected } from './expected.ts';

/** What there is of what an ADD has made; undefined where it is gone. */
export interface Observed {
  bridge: NetworkLink | undefined;
  container: NetworkLink | undefined;
  port: NetworkLink | undefined;
  addresses: NetworkAddress[];
  routes: NetworkRoute[];
  /** Of the bridge, or of its interface in a VLAN. */
  gatewayAddresses: NetworkAddress[];
  portVlans: number[];
  /** Those that the port of the gateway's interface in a VLAN is a member of; undefined where it has no port. */
  gatewayVlans: number[] | undefined;
}

/** Looks at both namespaces. */
export async function observe({ netns, ifName }: PluginRequest, configuration: Configuration, expected: Expected): Promise<Observed> {
  const { host, container: inside, close } = openHostAndContainer(netns);
  try {
    const container = await inside.link(ifName);
    const port = await findPort(host, expected, container);
    const gateway = configuration.vlan > 0 ? vlanGatewayName(configuration) : configuration.bridge;
    const bridge = await host.link(configuration.bridge);
    const gatewayLink = configuration.vlan > 0 ? await host.link(gateway) : bridge;
    return {
      bridge,
      container,
      port,
      addresses: container ? await inside.addresses(ifName) : [],
      routes: container ? await inside.routes(ifName) : [],
      gatewayAddresses: gatewayLink ? await host.addresses(gateway) : [],
      portVlans: port && usesVlans(configuration) ? await host.portVlans(port.name) : [],
      gatewayVlans: configuration.vlan > 0 ? await vlansOfGateway(host, gatewayLink) : undefined,
    };
  } finally {
    close();
  }
}

/** Of the interfaces that may be the port, the one whose other end the container has; else the one that is there. */
async function findPort(host: Network, { ports }: Expected, container: NetworkLink | undefined): Promise<NetworkLink | undefined> {
  const links: NetworkLink[] = [];
  for (const { name } of ports) {
    const link = await host.link(name);
    if (link) links.push(link);
  }
  return links.find(({ peerIndex }) => peerIndex !== undefined && peerIndex === container?.index) ?? links[0];
}
