/** How many CPUs are whose. */
export interface CpuShares {
  /** Those that containers share, without what is reserved. */
  shared: number;
  /** Those that containers have for themselves, by NUMA node. */
  exclusive: ReadonlyMap<number, number>;
}

/** Where nobody hands CPUs out. */
export const noCpuShares: CpuShares = { shared: 0, exclusive: new Map() };
