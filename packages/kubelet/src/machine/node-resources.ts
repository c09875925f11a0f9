import { statfsSync } from 'node:fs';
import type { ResourceAmounts } from '@berth/api/resource-amounts';
import type { HugePages, MachineFacts } from './machine-facts.ts';
import { defaultReservations, evictionAmounts, type Reservations, reservedAmounts } from './reservations.ts';
import type { ResourceProvider } from './resource-provider.ts';

/** How much of a machine is for pods. Fields are those of KubeletConfiguration. */
export interface NodeResourcesOptions extends Reservations {
  /** The most pods at a time. */
  maxPods: number;
  /** The most pods for each processor, but not more than `maxPods`; 0: no such limit. */
  podsPerCore: number;
}

export const defaultNodeResources: NodeResourcesOptions = { ...defaultReservations, maxPods: 110, podsPerCore: 0 };

/** What a node has, and what of that pods may request. Amounts: cpu in millicores, bytes, pieces. */
export class NodeResources {
  readonly #facts: MachineFacts;
  readonly #options: NodeResourcesOptions;
  readonly #reserved: ResourceAmounts;
  readonly #directory: string;
  /** Bytes; 0 until the directory is there. */
  #storage = 0n;
  readonly #providers: readonly ResourceProvider[];

  /** `directory` is on the file system of pods' files, whose size is the node's ephemeral-storage. INVALID_ARGUMENT for options that are no amounts. */
  constructor(
    facts: MachineFacts,
    directory: string,
    options: NodeResourcesOptions = defaultNodeResources,
    providers: readonly ResourceProvider[] = [],
  ) {
    this.#facts = facts;
    this.#options = options;
    this.#reserved = reservedAmounts(options);
    this.#directory = directory;
    this.#providers = providers;
    // A threshold that is no amount is told at the start.
    evictionAmounts(options, this.#reserved);
  }

  capacity(): Map<string, bigint> {
    return new Map([...this.#own(), ...this.#providers.flatMap((provider) => [...provider.capacity()])]);
  }

  /** The capacity without what is reserved, and without what is kept free lest pods be evicted. */
  allocatable(): Map<string, bigint> {
    const capacity = this.#own();
    const free = evictionAmounts(this.#options, capacity);
    const own = without(without(capacity, this.#reserved), free);
    return new Map([...withoutHugePages(own, capacity), ...this.#providers.flatMap((provider) => [...provider.allocatable()])]);
  }

  /** What a pod that asks to be run is measured by: what others have been given counts as there, though it may be out of order by now. */
  admissible(): Map<string, bigint> {
    const amounts = this.allocatable();
    for (const [name, held] of this.#providers.flatMap((provider) => [...provider.held()])) {
      if ((amounts.get(name) ?? 0n) < held) amounts.set(name, held);
    }
    return amounts;
  }

  /** Whether the resource may come yet. */
  isAwaited(resource: string): boolean {
    return this.#providers.some((provider) => provider.isAwaited(resource));
  }

  /** What all pods together may use before the kernel holds them back: the capacity without what is reserved; with `pid`. */
  podLimits(): Map<string, bigint> {
    const { pids } = this.#facts;
    return without(new Map([...this.#own(), ...(pids === undefined ? [] : [['pid', pids] as const])]), this.#reserved);
  }

  /** What is kept for others than pods. */
  reserved(field: 'systemReserved' | 'kubeReserved'): Map<string, bigint> {
    return reservedAmounts({ [field]: this.#options[field] });
  }

  #own(): Map<string, bigint> {
    const { cpus, memory, hugePages } = this.#facts;
    const { maxPods, podsPerCore } = this.#options;
    this.#storage ||= fileSystemSize(this.#directory);
    return new Map([
      ['cpu', BigInt(cpus) * 1000n],
      ['ephemeral-storage', this.#storage],
      ...hugePages.map((pages): [string, bigint] => [hugePagesResource(pages), pages.size * pages.count]),
      ['memory', memory],
      ['pods', BigInt(podsPerCore > 0 ? Math.min(maxPods, cpus * podsPerCore) : maxPods)],
    ]);
  }
}

/** `hugepages-2Mi`. */
export function hugePagesResource({ size }: Pick<HugePages, 'size'>): string {
  const [gibi, mebi] = [2n ** 30n, 2n ** 20n];
  if (size % gibi === 0n) return `hugepages-${size / gibi}Gi`;
  return size % mebi === 0n ? `hugepages-${size / mebi}Mi` : `hugepages-${size / 1024n}Ki`;
}

/** `amounts` less what is taken of each, never under zero. */
function without(amounts: ResourceAmounts, taken: ResourceAmounts): Map<string, bigint> {
  return new Map([...amounts].map(([name, amount]) => [name, atLeastZero(amount - (taken.get(name) ?? 0n))]));
}

/** Memory set apart as huge pages is no other memory. */
function withoutHugePages(amounts: Map<string, bigint>, capacity: ResourceAmounts): Map<string, bigint> {
  const huge = [...capacity].filter(([name]) => name.startsWith('hugepages-')).reduce((sum, [, bytes]) => sum + bytes, 0n);
  return amounts.set('memory', atLeastZero((amounts.get('memory') ?? 0n) - huge));
}

function atLeastZero(amount: bigint): bigint {
  return amount < 0n ? 0n : amount;
}

/** Bytes; 0 for a directory that can't be asked. */
function fileSystemSize(directory: string): bigint {
  try {
    const { blocks, bsize } = statfsSync(directory, { bigint: true });
    return blocks * bsize;
  } catch {
    return 0n;
  }
}
