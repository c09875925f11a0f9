import type { Node } from '@berth/api/objects';
import { readAmounts } from '@berth/api/resource-amounts';
import { isExtendedResourceName } from '@berth/api/resource-names';
import { type Finding, ok, warning } from './check.ts';

/** One finding for each resource that device plugins have offered to a running node: how many devices of it pods can have. */
export function checkDevices({ status }: Pick<Node, 'status'>): Finding[] {
  const [capacity, allocatable] = [readAmounts(status?.capacity ?? {}), readAmounts(status?.allocatable ?? {})];
  return [...capacity]
    .filter(([resource]) => isExtendedResourceName(resource))
    .map(([resource, all]) => devicesOf(resource, all, allocatable.get(resource) ?? 0n));
}

function devicesOf(resource: string, all: bigint, healthy: bigint): Finding {
  const name = `devices ${resource}`;
  const found = `${healthy} of ${all} healthy`;
  if (all === 0n)
    return warning(name, 'none: the plugin that offered some has gone', 'start it again, or see in its log why it does not register');
  if (healthy === 0n) return warning(name, found, 'see whether the plugin runs, and in its log what is wrong with them');
  return healthy < all ? warning(name, found, "see in the plugin's log what is wrong with the others") : ok(name, found);
}
