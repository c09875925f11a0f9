import type { Prefix } from '@berth/sdk/cni/address';
import { parsePrefix } from '@berth/sdk/cni/address';
import { invalid } from '@berth/sdk/cni/keys';
import type { PluginRequest } from '@berth/sdk/cni/plugin';
import type { Interface, Route } from '@berth/sdk/cni/types';
import type { Configuration } from '../configuration.ts';
import { vlanGatewayName } from '../configuration.ts';

/** What an ADD has made, as its result tells. */
export interface Expected {
  bridge: Interface;
  /** The container's own interface. */
  container: Interface;
  /** Those of the host that may be the container's port: plugins after this one may have added some. */
  ports: [Interface, ...Interface[]];
  addresses: Prefix[];
  /** The bridge's own addresses. */
  gateways: Prefix[];
  routes: Route[];
}

type Asked = Pick<PluginRequest, 'prevResult' | 'netns' | 'ifName'>;

/** Reads prevResult. Throws a CniError (code 7) where it doesn't hold what this plugin puts into a result. */
export function readExpected({ prevResult, netns, ifName }: Asked, configuration: Configuration): Expected {
  if (!prevResult) throw invalid('prevResult', 'is missing', 'pass the result of the ADD');
  const { interfaces = [], ips = [], routes = [] } = prevResult;
  const ofHost = interfaces.filter(({ sandbox }) => !sandbox);
  const named = (list: Interface[], name: string, where: string): Interface => {
    const found = list.find((each) => each.name === name);
    if (found) return found;
    throw invalid('prevResult.interfaces', `has no ${name} ${where}`, 'pass the result of the ADD');
  };
  const container = named(
    interfaces.filter(({ sandbox }) => sandbox === netns),
    ifName,
    `in ${netns}`,
  );
  const bridge = named(ofHost, configuration.bridge, 'of the host');
  const [port, ...others] = ofHost.filter(({ name }) => name !== bridge.name && name !== vlanGatewayName(configuration));
  if (!port) throw invalid('prevResult.interfaces', 'has no port of the bridge', 'pass the result of the ADD');
  // An address without an interface is the container's, as in results before 0.3.0.
  const own = ips.filter(({ interface: index }) => index === undefined || interfaces[index] === container);
  const addresses = own.flatMap(({ address }) => parsePrefix(address) ?? []);
  const gateways = configuration.isGateway
    ? own.flatMap(({ address, gateway }) => parsePrefix(`${gateway}/${address.split('/')[1]}`) ?? [])
    : [];
  return { bridge, container, ports: [port, ...others], addresses, gateways, routes };
}
