import type { Container, Pod } from '@berth/api/objects';
import { readAmounts } from '@berth/api/resource-amounts';
import { isExtendedResourceName } from '@berth/api/resource-names';
import { mostOfEachAtOnce } from '../pod-demand.ts';

/** How many of each extended resource a container is to have, by name; such requests are no other than the limits. */
export function deviceRequests({ resources }: Container): Map<string, number> {
  const amounts = readAmounts({ ...resources?.requests, ...resources?.limits });
  const asked = [...amounts].filter(([name, amount]) => amount > 0n && isExtendedResourceName(name));
  return new Map(asked.map(([name, amount]) => [name, Number(amount)]));
}

/** How many of each the pod needs at one time. */
export function podDeviceRequests(pod: Pod): Map<string, number> {
  return mostOfEachAtOnce(pod, deviceRequests);
}
