import type { Gpu } from './gpu.ts';

/** How far two GPUs are from each other on the PCI bus, from near to far, as NVML's topology levels tell it. */
export const pciDistances = ['same board', 'one switch', 'several switches', 'host bridge', 'NUMA node', 'system'] as const;
export type PciDistance = (typeof pciDistances)[number];

/** The links between two GPUs. */
export interface GpuLink {
  readonly between: readonly [id: string, id: string];
  readonly distance: PciDistance;
  /** NVLinks from one to the other, by way of a switch or not. */
  readonly nvLinks: number;
}

/** One NVLink outweighs any way over PCI. */
const perNvLink = 100;
const perStep = 10;

/** How closely each two GPUs are linked. */
export class GpuLinks {
  readonly all: readonly GpuLink[];
  readonly #scores = new Map<string, number>();

  constructor(all: readonly GpuLink[]) {
    this.all = all;
    for (const link of all) this.#scores.set(keyOf(...link.between), scoreOf(link));
  }

  /** Of two GPUs, by their ids: higher is closer; 0 where nothing is known. */
  score(first: string, second: string): number {
    return this.#scores.get(keyOf(first, second)) ?? 0;
  }
}

/** What `link` tells of each two of them. */
export function linksBetween(gpus: readonly Gpu[], link: (first: Gpu, second: Gpu) => Omit<GpuLink, 'between'>): GpuLinks {
  const pairs = gpus.flatMap((first, index) => gpus.slice(index + 1).map((second) => [first, second] as const));
  return new GpuLinks(pairs.map(([first, second]) => ({ between: [first.id, second.id], ...link(first, second) })));
}

function keyOf(first: string, second: string): string {
  return first < second ? `${first} ${second}` : `${second} ${first}`;
}

function scoreOf({ distance, nvLinks }: GpuLink): number {
  return perNvLink * nvLinks + perStep * (pciDistances.length - pciDistances.indexOf(distance));
}
