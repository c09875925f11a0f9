import { countNodes, type NumaMask } from '../topology-manager/numa-mask.ts';
import type { DeviceSet } from './device-set.ts';

/** What is to be chosen from. */
export interface DeviceChoice {
  devices: DeviceSet;
  /** How many the container is to have. */
  count: number;
  /** Healthy, and nobody's. */
  available: readonly string[];
  /** Those of ended init containers of the pod: they are taken first. */
  reusable: readonly string[];
  /** Where they had better be near to; undefined: anywhere. */
  affinity: NumaMask | undefined;
}

/** What a plugin may be asked to prefer from, where it answers such calls: GetPreferredAllocation. */
interface PreferenceQuestion {
  available: string[];
  mustInclude: string[];
  size: number;
}

/** The parts of what is available, in the order in which they are taken. */
interface Parts {
  aligned: string[];
  unaligned: string[];
  unplaced: string[];
}

/** The question that goes before the choice; undefined where there is nothing to choose. */
export function preferenceQuestion(choice: DeviceChoice): PreferenceQuestion | undefined {
  const { count } = choice;
  const certain = certainOf(choice);
  if (certain.length >= count) return undefined;
  return { available: [...scopeOf(choice, certain), ...certain], mustInclude: certain, size: count };
}

/**
 * The devices that a container gets: those it may have again, then those near to where it runs, then others. What a plugin prefers counts as far as that leaves
 * a choice, and as it may be had. Undefined: there aren't as many (kubernetes:pkg/kubelet/cm/devicemanager/manager.go, devicesToAllocate).
 */
export function chooseDevices(choice: DeviceChoice, preferred: readonly string[] = []): string[] | undefined {
  const { count } = choice;
  const certain = certainOf(choice);
  const scope = scopeOf(choice, certain);
  const { aligned, unaligned, unplaced } = partsOf(choice, certain);
  const wanted = preferred.filter((id) => scope.includes(id));
  const chosen = [...new Set([...certain, ...wanted, ...aligned, ...unaligned, ...unplaced])].slice(0, count);
  return chosen.length < count ? undefined : chosen;
}

/** What is in the choice whatever a plugin prefers: devices to be had again, and, where they are no more than needed, all those near to where the container runs. */
function certainOf(choice: DeviceChoice): string[] {
  const taken = takenFirst(choice);
  const { aligned } = partsOf(choice, taken);
  return choice.count - taken.length < aligned.length ? taken : [...taken, ...aligned];
}

/** What the others may be: those near to where the container runs, if any are left. */
function scopeOf(choice: DeviceChoice, certain: readonly string[]): string[] {
  const { aligned } = partsOf(choice, certain);
  return aligned.length > 0 ? aligned : free(choice, certain);
}

/** That there are too few to choose from, in kubelet's words. */
export function unavailable(
  { resource, count }: { resource: string; count: number },
  { available, reusable }: { available: readonly string[]; reusable: readonly string[] },
): string {
  const there = new Set([...available, ...reusable]).size;
  return `requested number of devices unavailable for ${resource}. Requested: ${count}, Available: ${there}`;
}

function takenFirst({ devices, reusable, count }: DeviceChoice): string[] {
  return reusable.filter((id) => devices.get(id)?.healthy).slice(0, count);
}

function free({ available }: DeviceChoice, taken: readonly string[]): string[] {
  const gone = new Set(taken);
  return available.filter((id) => !gone.has(id));
}

/** Of those near to the nodes in question, first those that are near to fewer of all nodes: the others may do for somebody else, too. */
function partsOf(choice: DeviceChoice, taken: readonly string[]): Parts {
  const { devices, affinity } = choice;
  const nodesOf = (id: string) => devices.get(id)?.nodes ?? 0;
  const rest = free(choice, taken);
  const placed = rest.filter((id) => nodesOf(id) !== 0).toSorted((a, b) => countNodes(nodesOf(a)) - countNodes(nodesOf(b)));
  const unplaced = rest.filter((id) => nodesOf(id) === 0);
  if (affinity === undefined) return { aligned: [], unaligned: placed, unplaced };
  return {
    aligned: placed.filter((id) => (nodesOf(id) & affinity) !== 0),
    unaligned: placed.filter((id) => (nodesOf(id) & affinity) === 0),
    unplaced,
  };
}
