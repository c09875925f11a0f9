import { formatAddress, formatPrefix, networkOf } from './address.ts';
import type { NetworkOperation } from './network.ts';

/** An operation in words, for messages: `add route 0.0.0.0/0 via 10.1.0.1 dev eth0`. */
export function nameOperation(operation: NetworkOperation): string {
  return `${operation.do} ${subjectOf(operation)}`;
}

function subjectOf(operation: NetworkOperation): string {
  switch (operation.do) {
    case 'add veth':
      return `${operation.name}, ${operation.peer.name}`;
    case 'add bridge':
    case 'set link':
    case 'set bridge port':
    case 'delete link':
      return operation.name;
    case 'add port vlan':
    case 'delete port vlan':
      return `${operation.vlan} dev ${operation.port}`;
    case 'add address':
    case 'delete address':
      return `${formatPrefix(operation.prefix)} dev ${operation.device}`;
    case 'add route': {
      const gateways = operation.gateways.map((gateway) => ` via ${formatAddress(gateway)}`);
      return `${formatPrefix(networkOf(operation.destination))}${gateways.join('')} dev ${operation.device}`;
    }
    case 'set sysctl':
      return `${operation.key}=${operation.value}`;
  }
}
