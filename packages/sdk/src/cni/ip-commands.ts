import { formatAddress, formatPrefix, networkOf } from './address.ts';
import type { IpCommand } from './ip-batch.ts';
import type { AddRoute, AddVeth, NetworkOperation } from './network.ts';

/** The program of iproute2, or of procps, that carries out an operation, and a command of its batch; of sysctl(8) a setting. */
export interface OperationCommand {
  program: 'ip' | 'bridge' | 'sysctl';
  command: IpCommand;
}

/** The command that carries out an operation. */
export function operationCommand(operation: NetworkOperation): OperationCommand {
  if (operation.do === 'set sysctl') return { program: 'sysctl', command: [`${operation.key}=${operation.value}`] };
  if (operation.do === 'add port vlan' || operation.do === 'delete port vlan') {
    const verb = operation.do === 'add port vlan' ? 'add' : 'delete';
    const untagged = operation.do === 'add port vlan' && operation.untagged ? ['pvid', 'untagged'] : [];
    return { program: 'bridge', command: ['vlan', verb, 'dev', operation.port, 'vid', String(operation.vlan), ...untagged, 'master'] };
  }
  return { program: 'ip', command: ipCommand(operation) };
}

type IpOperation = Exclude<NetworkOperation, { do: 'set sysctl' | 'add port vlan' | 'delete port vlan' }>;

function ipCommand(operation: IpOperation): IpCommand {
  switch (operation.do) {
    case 'add bridge': {
      const filtering = operation.vlanFiltering ? ['vlan_filtering', '1'] : [];
      return ['link', 'add', 'name', operation.name, ...withLink(operation), 'up', 'type', 'bridge', ...filtering];
    }
    case 'add veth':
      return addVeth(operation);
    case 'set link': {
      const { name, up, promiscuous } = operation;
      const state = up === undefined ? [] : [up ? 'up' : 'down'];
      return [
        'link',
        'set',
        'dev',
        name,
        ...withLink(operation),
        ...(promiscuous === undefined ? [] : ['promisc', onOff(promiscuous)]),
        ...state,
      ];
    }
    case 'set bridge port': {
      const { name, hairpin, isolated } = operation;
      const modes = { hairpin, isolated };
      const given = Object.entries(modes).flatMap(([mode, value]) => (value === undefined ? [] : [mode, onOff(value)]));
      return ['link', 'set', 'dev', name, 'type', 'bridge_slave', ...given];
    }
    case 'delete link':
      return ['link', 'delete', 'dev', operation.name];
    case 'add address': {
      const { prefix, device, detectDuplicates } = operation;
      const broadcast = prefix.address.family === 4 && prefix.length < 31 ? ['broadcast', '+'] : [];
      const nodad = prefix.address.family === 6 && !detectDuplicates ? ['nodad'] : [];
      return ['address', 'replace', formatPrefix(prefix), ...broadcast, ...nodad, 'dev', device];
    }
    case 'delete address':
      return ['address', 'delete', formatPrefix(operation.prefix), 'dev', operation.device];
    case 'add route':
      return addRoute(operation);
  }
}

function addVeth({ name, mtu, bridge, peer }: AddVeth): IpCommand {
  const other = [
    'peer',
    'name',
    peer.name,
    ...withLink({ mtu, mac: peer.mac }),
    ...(peer.netns === undefined ? [] : ['netns', peer.netns]),
  ];
  return ['link', 'add', 'name', name, ...withLink({ mtu }), 'master', bridge, 'up', 'type', 'veth', ...other];
}

/** `prepend` is what iproute2 calls a route that may stand beside another to the same network. */
function addRoute({ device, destination, gateways, mtu, advmss, priority, table, scope }: AddRoute): IpCommand {
  const options = { mtu, advmss, metric: priority, table, scope };
  const given = Object.entries(options).flatMap(([key, value]) => (value === undefined ? [] : [key, String(value)]));
  const [gateway, ...more] = gateways.map(formatAddress);
  const direct = [...(gateway === undefined ? [] : ['via', gateway]), 'dev', device];
  const hops = gateways.flatMap((each) => ['nexthop', 'via', formatAddress(each), 'dev', device]);
  const target = ['route', 'prepend', formatPrefix(networkOf(destination))];
  return more.length === 0 ? [...target, ...direct, ...given] : [...target, ...given, ...hops];
}

function withLink({ mtu, mac }: { mtu?: number | undefined; mac?: string | undefined }): string[] {
  return [...(mac === undefined ? [] : ['address', mac]), ...(mtu === undefined ? [] : ['mtu', String(mtu)])];
}

function onOff(value: boolean): string {
  return value ? 'on' : 'off';
}
