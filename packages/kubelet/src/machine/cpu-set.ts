import { PluginError } from '@berth/sdk/errors';

/** More than any kernel can have (CONFIG_NR_CPUS is at most 8192 on Linux). */
const mostCpus = 8192;

/** A set of CPUs, or of memory nodes; immutable. Its text is the kernel's list format: `0-3,7`. */
export class CpuSet {
  static readonly empty = new CpuSet([]);

  /** Ascending, each once. */
  readonly ids: readonly number[];
  readonly #members: ReadonlySet<number>;

  constructor(ids: Iterable<number>) {
    this.#members = new Set(ids);
    this.ids = [...this.#members].toSorted((a, b) => a - b);
  }

  /** Reads a list such as `0-3,7`; blanks around it are allowed, and an empty one is the empty set. INVALID_ARGUMENT for anything else. */
  static parse(text: string): CpuSet {
    const parts = text.trim() === '' ? [] : text.trim().split(',');
    return new CpuSet(parts.flatMap((part) => range(part, text)));
  }

  get size(): number {
    return this.ids.length;
  }

  has(id: number): boolean {
    return this.#members.has(id);
  }

  union(other: CpuSet): CpuSet {
    return new CpuSet([...this.ids, ...other.ids]);
  }

  difference(other: CpuSet): CpuSet {
    return new CpuSet(this.ids.filter((id) => !other.has(id)));
  }

  intersection(other: CpuSet): CpuSet {
    return new CpuSet(this.ids.filter((id) => other.has(id)));
  }

  isSubsetOf(other: CpuSet): boolean {
    return this.ids.every((id) => other.has(id));
  }

  equals(other: CpuSet): boolean {
    return this.size === other.size && this.isSubsetOf(other);
  }

  toString(): string {
    const ranges: { first: number; last: number }[] = [];
    for (const id of this.ids) {
      const open = ranges.at(-1);
      if (open?.last === id - 1) open.last = id;
      else ranges.push({ first: id, last: id });
    }
    return ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
  }
}

function range(part: string, text: string): number[] {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (!match || last < first || last >= mostCpus) {
    throw new PluginError('INVALID_ARGUMENT', `${JSON.stringify(part)} is no CPU and no range of CPUs`, {
      object: `CPU list ${JSON.stringify(text.slice(0, 100))}`,
      hint: 'write a list such as 0-3,7',
    });
  }
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
