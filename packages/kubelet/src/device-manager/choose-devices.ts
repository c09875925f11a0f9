import type { PreferenceRequest } from '@berth/sdk/device';
import { countNodes, type NumaMask } from '../topology-manager/numa-mask.ts';
import type { DeviceSet } from './device-set.ts';

/** What a container's devices of a resource may be, and how many. */
export interface DeviceCandidates {
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

/** What is there to choose from, in the order in which it is taken. */
interface Ranking {
  /** In the choice whatever a plugin prefers: devices to be had again, and, where they are no more than needed, all those near to where the container runs. */
  certain: string[];
  aligned: string[];
  unaligned: string[];
  unplaced: string[];
}

/** What a plugin is asked to prefer from, where it answers such calls; undefined where there is nothing to choose. */
export function preferenceRequest(candidates: DeviceCandidates): PreferenceRequest | undefined {
  const ranking = rank(candidates);
  const { certain } = ranking;
  if (certain.length >= candidates.count) return undefined;
  return { available: [...scopeOf(ranking), ...certain], mustInclude: certain, size: candidates.count };
}

/**
 * The devices that a container gets: those it may have again, then those near to where it runs, then others. What a plugin prefers counts as far as that leaves
 * a choice, and as it may be had. Undefined: there aren't as many (kubernetes:pkg/kubelet/cm/devicemanager/manager.go, devicesToAllocate).
 */
export function chooseDevices(candidates: DeviceCandidates, preferred: readonly string[] = []): string[] | undefined {
  const { count } = candidates;
  const ranking = rank(candidates);
  const { certain, aligned, unaligned, unplaced } = ranking;
  const scope = new Set(preferred.length > 0 ? scopeOf(ranking) : []);
  const wanted = preferred.filter((id) => scope.has(id));
  const chosen = [...new Set([...certain, ...wanted, ...aligned, ...unaligned, ...unplaced])].slice(0, count);
  return chosen.length < count ? undefined : chosen;
}

function rank(candidates: DeviceCandidates): Ranking {
  const taken = takenFirst(candidates);
  const { aligned, unaligned, unplaced } = freeParts(candidates, taken);
  if (candidates.count - taken.length < aligned.length) return { certain: taken, aligned, unaligned, unplaced };
  return { certain: [...taken, ...aligned], aligned: [], unaligned, unplaced };
}

/** What the others may be: those near to where the container runs, if any are left. */
function scopeOf({ aligned, unaligned, unplaced }: Ranking): string[] {
  return aligned.length > 0 ? aligned : [...unaligned, ...unplaced];
}

function takenFirst({ devices, reusable, count }: DeviceCandidates): string[] {
  return reusable.filter((id) => devices.get(id)?.healthy).slice(0, count);
}

/** Of those near to the nodes in question, first those that are near to fewer of all nodes: the others may do for somebody else, too. */
function freeParts({ devices, available, affinity }: DeviceCandidates, taken: readonly string[]): Omit<Ranking, 'certain'> {
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
