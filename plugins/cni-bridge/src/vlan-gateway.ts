import type { Network, NetworkLink } from '@berth/sdk/cni/network';
import { carryOut, operationFailure } from './carry-out.ts';
import type { Configuration } from './configuration.ts';
import { vlanGatewayName } from './configuration.ts';
import { createVlanGateway, joinVlans, removePort } from './ports.ts';
import { randomPortName } from './random-name.ts';
import { requireLink } from './require-link.ts';

/**
 * The bridge's own interface in its VLAN, up, which is the gateway there; made where there is none. One that is there may be in no VLAN yet:
 * another call is just making it, or was killed.
 */
export async function ensureVlanGateway(host: Network, configuration: Configuration): Promise<NetworkLink> {
  const name = vlanGatewayName(configuration);
  const found = await host.link(name);
  const port = found ? undefined : await makePair(host, configuration, name);
  try {
    const link = found ?? (await requireLink(host, name, `gateway ${name}`));
    await joinVlan(host, configuration, link);
    if (!link.up) await carryOut(host, `gateway ${name}`, [{ do: 'set link', name, up: true }]);
    return link;
  } catch (thrown) {
    if (port !== undefined) await host.apply(removePort(port));
    throw thrown;
  }
}

/** The VLANs that the gateway's port is a member of; undefined where it is no interface with a port. */
export async function vlansOfGateway(host: Network, gateway: NetworkLink | undefined): Promise<number[] | undefined> {
  const port = await portOf(host, gateway);
  return port && host.portVlans(port.name);
}

/** The name of the new port; undefined where another first container was faster. */
async function makePair(host: Network, configuration: Configuration, name: string): Promise<string | undefined> {
  const port = randomPortName();
  const failure = await host.apply(createVlanGateway(configuration, port, name));
  if (!failure) return port;
  if (failure.code === 'EEXIST') return undefined;
  throw operationFailure(`gateway ${name}`, failure);
}

/** Nothing where it has joined already: other containers use it. */
async function joinVlan(host: Network, configuration: Configuration, gateway: NetworkLink): Promise<void> {
  const port = await portOf(host, gateway);
  // What another program has made a gateway of, a VLAN device on the bridge say, it has put into its VLAN itself.
  if (!port) return;
  const present = await host.portVlans(port.name);
  if (present.includes(configuration.vlan)) return;
  await carryOut(host, `bridge port ${port.name}`, joinVlans(configuration, port.name, present));
}

async function portOf(host: Network, gateway: NetworkLink | undefined): Promise<NetworkLink | undefined> {
  return gateway?.peerIndex === undefined ? undefined : host.linkAt(gateway.peerIndex);
}
