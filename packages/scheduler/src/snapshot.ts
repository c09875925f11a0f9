import type { NodeState } from './node-state.ts';

/** All nodes at one generation of the cache: what a pod's cycle sees from beginning to end. */
export class Snapshot {
  static readonly empty = Snapshot.of([], 0n);

  /** In the order in which they were added. */
  readonly nodes: readonly NodeState[];
  /** The cache's generation: greater than that of any earlier snapshot that differs. */
  readonly generation: bigint;
  /** The place of each node in `nodes`. Snapshots with the same nodes in other states share it. */
  readonly places: ReadonlyMap<string, number>;

  private constructor(nodes: readonly NodeState[], places: ReadonlyMap<string, number>, generation: bigint) {
    this.nodes = nodes;
    this.places = places;
    this.generation = generation;
  }

  static of(nodes: readonly NodeState[], generation: bigint): Snapshot {
    return new Snapshot(nodes, new Map(nodes.map(({ name }, place) => [name, place])), generation);
  }

  /** The same nodes, some of them in a later state. */
  with(changed: readonly NodeState[], generation: bigint): Snapshot {
    const nodes = [...this.nodes];
    for (const state of changed) {
      const place = this.places.get(state.name);
      if (place !== undefined) nodes[place] = state;
    }
    return new Snapshot(nodes, this.places, generation);
  }

  get(name: string): NodeState | undefined {
    const place = this.places.get(name);
    return place === undefined ? undefined : this.nodes[place];
  }
}
