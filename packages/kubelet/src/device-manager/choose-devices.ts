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

/** What is there to choose from, in the order in which it is taken. */
interface Ranking {
  /** In the choice whatever a plugin prefers: devices to be had again, and, where they are no more than needed, all those near to where the container runs. */
  certain: string[];
  aligned: string[];
  unaligned: string[];
  unplaced: string[];
}

/** The question that goes before the choice; undefined where there is nothing to choose. */
export function preferenceQuestion(choice: DeviceChoice): PreferenceQuestion | undefined {
  const ranking = rank(choice);
  const { certain } = ranking;
  if (certain.length >= choice.count) return undefined;
  return { available: [...scopeOf(ranking), ...certain], mustInclude: certain, size: choice.count };
}

/**
 * The devices that a container gets: those it may have again, then those near to where it runs, then others. What a plugin prefers counts as far as that leaves
 * a choice, and as it may be had. Undefined: there aren't as many (kubernetes:pkg/kubelet/cm/devicemanager/manager.go, devicesToAllocate).
 */
export function chooseDevices(choice: DeviceChoice, preferred: readonly string[] = []): string[] | undefined {
  const { count } = choice;
  const ranking = rank(choice);
  const { certain, aligned, unaligned, unplaced } = ranking;
  const scope = new Set(preferred.length > 0 ? scopeOf(ranking) : []);
  const wanted = preferred.filter((id) => scope.has(id));
  const chosen = [...new Set([...certain, ...wanted, ...aligned, ...unaligned, ...unplaced])].slice(0, count);
  return chosen.length < count ? undefined : chosen;
}

function rank(choice: DeviceChoice): Ranking {
  const taken = takenFirst(choice);
  const { aligned, unaligned, unplaced } = freeParts(choice, taken);
  if (choice.count - taken.length < aligned.length) return { certain: taken, aligned, unaligned, unplaced };
  return { certain: [...taken, ...aligned], aligned: [], unaligned, unplaced };
}

/** What the others may be: those near to where the container runs, if any are left. */
function scopeOf({ aligned, unaligned, unplaced }: Ranking): string[] {
  return aligned.length > 0 ? aligned : [...unaligned, ...unplaced];
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

/** Of those near to the nodes in question, first those that are near to fewer of all nodes: the others may do for somebody else, too. */
function freeParts({ devices, available, affinity }: DeviceChoice, taken: readonly string[]): Omit<Ranking, 'certain'> {
  const nodesOf = (id: string) => devices.get(id)?.nodes ?? 0;
  const gone = new Set(taken);
  const parts: Omit<Ranking, 'certain'> = { aligned: [], unaligned: [], unplaced: [] };
  for (const id of available) {
    if (gone.has(id)) continue;
    const nodes = nodesOf(id);
    if (nodes === 0) parts.unplaced.push(id);
    else if (affinity !== undefined && (nodes & affinity) !== 0) parts.aligned.push(id);
    else parts.unaligned.push(id);
  }
  const byNodes = (a: string, b: string) => countNodes(nodesOf(a)) - countNodes(nodesOf(b));
  parts.aligned.sort(byNodes);
  parts.unaligned.sort(byNodes);
  return parts;
}
