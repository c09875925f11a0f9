import type { Node } from '@berth/api/objects';
import { readAmounts } from '@berth/api/resource-amounts';
import { isExtendedResourceName } from '@berth/api/resource-names';
import type { DeviceResourceState } from '@berth/kubelet/device-resource-state';
import { type Finding, ok, warning } from './check.ts';

/** How many devices of a resource there are. */
interface Counts {
  all: bigint;
  healthy: bigint;
}

interface Trouble {
  found: string;
  advice: string;
}

/** One finding for each resource that device plugins have offered to a running node: how many devices of it pods can have, and why not all. */
export function checkDevices({ status }: Pick<Node, 'status'>, states: readonly DeviceResourceState[]): Finding[] {
  const [capacity, allocatable] = [readAmounts(status?.capacity ?? {}), readAmounts(status?.allocatable ?? {})];
  const stateOf = new Map(states.map((state) => [state.resource, state]));
  return [...capacity]
    .filter(([resource]) => isExtendedResourceName(resource))
    .map(([resource, all]) => devicesOf(resource, { all, healthy: allocatable.get(resource) ?? 0n }, stateOf.get(resource)));
}

function devicesOf(resource: string, counts: Counts, state: DeviceResourceState | undefined): Finding {
  const name = `devices ${resource}`;
  const amount = counts.all === 0n ? 'none' : `${counts.healthy} of ${counts.all} healthy`;
  const troubles = [amountTrouble(counts, state), faultyList(state), unknownDevices(state)].filter((trouble) => trouble !== undefined);
  if (troubles.length === 0) return ok(name, amount);
  const found = [amount, ...troubles.map((trouble) => trouble.found)].filter((text) => text !== '').join('; ');
  return warning(name, found, troubles.map(({ advice }) => advice).join('; '));
}

/** Too few because of what the plugin says of its devices, or because it says nothing. */
function amountTrouble({ all, healthy }: Counts, state: DeviceResourceState | undefined): Trouble | undefined {
  if (all > 0n && healthy === all) return undefined;
  if (!state?.registered) {
    return { found: 'the plugin that offered some has gone', advice: 'start it again, or see in its log why it does not register' };
  }
  if (all === 0n) {
    // What is left out tells why.
    return state.faults === undefined ? { found: 'its plugin offers none', advice: "see in the plugin's log why" } : undefined;
  }
  return { found: '', advice: `see in the plugin's log what is wrong with ${healthy === 0n ? 'them' : 'the unhealthy ones'}` };
}

function faultyList(state: DeviceResourceState | undefined): Trouble | undefined {
  if (state?.faults === undefined) return undefined;
  return { found: `its plugin's list has faults: ${state.faults}`, advice: 'mend the plugin' };
}

function unknownDevices(state: DeviceResourceState | undefined): Trouble | undefined {
  if (!state || state.podsOfUnknown.length === 0) return undefined;
  const why = "which of them these pods have is not known any more, since the device manager's checkpoint was lost";
  return { found: `none can be handed out: ${why}: ${state.podsOfUnknown.join(', ')}`, advice: 'end these pods' };
}
