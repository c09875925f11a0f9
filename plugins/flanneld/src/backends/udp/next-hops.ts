/** Packets to a subnet go to a host. Addresses are numbers of 32 bits without sign. */
export interface NextHop {
  network: number;
  /** Of the subnet's prefix. */
  length: number;
  host: number;
}

/** Finds hosts by destination: the longest prefix counts. A host is kept as what `make` makes of it. */
export class NextHops<Target> {
  readonly #byLength: { mask: number; targets: Map<number, Target> }[];

  constructor(hops: readonly NextHop[], make: (host: number) => Target) {
    const lengths = [...new Set(hops.map(({ length }) => length))].sort((a, b) => b - a);
    this.#byLength = lengths.map((length) => {
      const mask = length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0;
      const targets = hops.filter((hop) => hop.length === length).map(({ network, host }) => [(network & mask) >>> 0, make(host)] as const);
      return { mask, targets: new Map(targets) };
    });
  }

  find(destination: number): Target | undefined {
    for (const { mask, targets } of this.#byLength) {
      const target = targets.get((destination & mask) >>> 0);
      if (target !== undefined) return target;
    }
    return undefined;
  }
}
