/** A value of a Go type, as kubelet's state files have them in their structs. */
export type DumpedValue =
  | { kind: 'plain'; value: string | number | bigint }
  | { kind: 'list'; items: DumpedValue[] }
  | { kind: 'map'; entries: ReadonlyMap<string, DumpedValue> }
  | { kind: 'struct'; fields: DumpedField[]; pointer?: true };

/** Name and type as in kubelet's source, the type with its package. */
export type DumpedField = [name: string, type: string, value: DumpedValue];

/**
 * The number by which kubelet checks a state file: FNV-1a with 32 bits of the struct as Go's spew prints it with types (`%#v`), so that
 * a file moves from one kubelet to the other. `type` is that of the whole, which kubelet hands over by pointer unless `byValue`.
 */
export function goChecksum(type: string, fields: DumpedField[], { byValue = false } = {}): number {
  return fnv1a(`(${byValue ? '' : '*'}${type})${dump({ kind: 'struct', fields })}`);
}

function dump(value: DumpedValue): string {
  switch (value.kind) {
    case 'plain':
      return `${value.value}`;
    case 'list':
      return `[${value.items.map(dump).join(' ')}]`;
    case 'map':
      return `map[${byKey(value.entries)
        .map(([key, item]) => `${key}:${dump(item)}`)
        .join(' ')}]`;
    case 'struct':
      return `${value.pointer ? '<*>' : ''}{${value.fields.map(([name, type, item]) => `${name}:(${type})${dump(item)}`).join(' ')}}`;
  }
}

/** Numbers by their value, all else as text. */
function byKey<T>(entries: ReadonlyMap<string, T>): [string, T][] {
  return [...entries].toSorted(([a], [b]) => Number(a) - Number(b) || (a < b ? -1 : 1));
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}
