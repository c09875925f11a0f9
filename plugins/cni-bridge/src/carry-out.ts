import { nameOperation } from '@berth/sdk/cni/name-operation';
import type { Network, NetworkOperation, OperationFailure } from '@berth/sdk/cni/network';
import { CniError, errorCodes } from '@berth/sdk/cni/types';

/** Carries out operations, of which there may be none. Throws a CniError (code 5) of `object` that names the one that failed. */
export async function carryOut(network: Network, object: string, operations: NetworkOperation[]): Promise<void> {
  const failure = operations.length === 0 ? undefined : await network.apply(operations);
  if (failure) throw operationFailure(object, failure);
}

/** The cure where the kernel keeps no VLANs apart. */
export const withoutVlanFiltering = 'use a kernel with CONFIG_BRIDGE_VLAN_FILTERING, or remove vlan and vlanTrunk';

export function operationFailure(object: string, { operation, code, reason }: OperationFailure): CniError {
  const ofVlan = operation.do === 'add port vlan' || operation.do === 'delete port vlan';
  const hint = ofVlan && code === 'EOPNOTSUPP' ? { hint: withoutVlanFiltering } : {};
  return new CniError(errorCodes.ioFailure, `can't ${nameOperation(operation)}: ${reason}`, { object, ...hint });
}
