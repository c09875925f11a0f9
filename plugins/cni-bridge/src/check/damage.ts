import type { Prefix } from '@berth/sdk/cni/address';
import { formatAddress, formatPrefix, networkOf, parseAddress, parsePrefix } from '@berth/sdk/cni/address';
import type { NetworkAddress, NetworkLink, NetworkRoute } from '@berth/sdk/cni/network';
import type { Interface, Route } from '@berth/sdk/cni/types';
import { nameInterface } from '../attachment.ts';
import type { Configuration } from '../configuration.ts';
import { vlanGatewayName } from '../configuration.ts';
import { usesVlans } from '../ports.ts';
import type { Expected } from './expected.ts';
import type { Observed } from './observed.ts';

/** Something that isn't as ADD made it. */
export interface Damage {
  object: string;
  what: string;
}

/** The first damage, from the bridge inwards; undefined where all is as it was. */
export function findDamage(configuration: Configuration, expected: Expected, observed: Observed): Damage | undefined {
  return (
    bridgeDamage(configuration, expected, observed) ??
    vlanGatewayDamage(configuration, expected, observed) ??
    containerDamage(configuration, expected, observed) ??
    portDamage(configuration, expected, observed) ??
    addressDamage(expected, observed) ??
    routeDamage(expected, observed)
  );
}

/** Each fault that there may be, with whether there is. */
type Faults = [isThere: boolean, what: string][];

function firstOf(object: string, faults: Faults): Damage | undefined {
  const what = faults.find(([isThere]) => isThere)?.[1];
  return what === undefined ? undefined : { object, what };
}

function bridgeDamage(configuration: Configuration, expected: Expected, { bridge, gatewayAddresses }: Observed): Damage | undefined {
  const object = `bridge ${expected.bridge.name}`;
  if (!bridge) return { object, what: 'is gone' };
  const gateway = expected.gateways.find((wanted) => !hasAddress(gatewayAddresses, wanted));
  return firstOf(object, [
    [bridge.kind !== 'bridge', `is no bridge but of the kind ${bridge.kind}`],
    [!bridge.up, 'is down'],
    changedMac(expected.bridge, bridge),
    [configuration.promiscMode && !bridge.promiscuous, 'is not promiscuous any more'],
    [usesVlans(configuration) && bridge.vlanFiltering !== true, 'keeps VLANs no longer apart (vlan_filtering)'],
    [gateway !== undefined, `has lost its address ${gateway && formatPrefix(gateway)}`],
  ]);
}

function vlanGatewayDamage({ bridge, vlan }: Configuration, { gateways }: Expected, { gatewayVlans }: Observed): Damage | undefined {
  if (vlan === 0 || gateways.length === 0 || !gatewayVlans || gatewayVlans.includes(vlan)) return undefined;
  return { object: `gateway ${vlanGatewayName({ bridge, vlan })}`, what: `is no member of VLAN ${vlan} any more` };
}

function containerDamage({ disableContainerInterface }: Configuration, expected: Expected, { container }: Observed): Damage | undefined {
  const object = nameContainer(expected);
  if (!container) return { object, what: 'is gone' };
  return firstOf(object, [
    [container.kind !== 'veth', `is no veth but of the kind ${container.kind}`],
    [!container.up && !disableContainerInterface, 'is down'],
    changedMac(expected.container, container),
    changedMtu(expected.container, container),
  ]);
}

function portDamage(
  configuration: Configuration,
  expected: Expected,
  { port, container, bridge, portVlans }: Observed,
): Damage | undefined {
  const object = `bridge port ${port?.name ?? expected.ports[0].name}`;
  if (!port) return { object, what: 'is gone' };
  const told = expected.ports.find(({ name }) => name === port.name);
  const vlans = configuration.vlan > 0 ? [configuration.vlan] : configuration.vlanTrunk;
  const lost = vlans.filter((vlan) => !portVlans.includes(vlan));
  return firstOf(object, [
    [port.kind !== 'veth', `is no veth but of the kind ${port.kind}`],
    [port.peerIndex !== container?.index, `doesn't lead to the interface ${expected.container.name} of the container`],
    [port.masterIndex !== bridge?.index, `is no port of the bridge ${expected.bridge.name} any more`],
    [!port.up, 'is down'],
    ...(told ? [changedMac(told, port), changedMtu(told, port)] : []),
    [configuration.hairpinMode && port.hairpin !== true, 'has lost its hairpin mode'],
    [configuration.portIsolation && port.isolated !== true, 'is isolated no longer'],
    [lost.length > 0, `is no member of VLAN ${lost.join(', ')} any more`],
  ]);
}

function changedMac(told: Interface, link: NetworkLink): Faults[number] {
  return [Boolean(told.mac) && told.mac?.toLowerCase() !== link.mac, `has the hardware address ${link.mac}, not ${told.mac}`];
}

function changedMtu(told: Interface, link: NetworkLink): Faults[number] {
  return [Boolean(told.mtu) && told.mtu !== link.mtu, `has the MTU ${link.mtu}, not ${told.mtu}`];
}

function addressDamage(expected: Expected, { addresses }: Observed): Damage | undefined {
  const lost = expected.addresses.find((wanted) => !hasAddress(addresses, wanted));
  return lost && { object: nameContainer(expected), what: `has lost its address ${formatPrefix(lost)}` };
}

function routeDamage(expected: Expected, { routes }: Observed): Damage | undefined {
  const lost = expected.routes.find((wanted) => !routes.some((route) => isRoute(route, wanted)));
  return lost && { object: nameContainer(expected), what: `has lost its route to ${lost.dst}${lost.gw ? ` via ${lost.gw}` : ''}` };
}

function isRoute(route: NetworkRoute, { dst, gw, priority, table }: Route): boolean {
  const destination = parsePrefix(dst);
  const gateway = parseAddress(gw);
  if (!destination || formatPrefix(networkOf(destination)) !== formatPrefix(networkOf(route.destination))) return false;
  if (gateway && !route.gateways.some((each) => formatAddress(each) === formatAddress(gateway))) return false;
  return (priority === undefined || priority === route.priority) && (table === undefined || table === route.table);
}

function hasAddress(addresses: NetworkAddress[], wanted: Prefix): boolean {
  return addresses.some(({ prefix }) => formatPrefix(prefix) === formatPrefix(wanted));
}

function nameContainer({ container }: Expected): string {
  return nameInterface({ ifName: container.name, netns: container.sandbox ?? '' });
}
