/** An address family of IP. */
export type Family = 4 | 6;

/** What there may be once for IPv4 and once for IPv6. */
export type PerFamily<Value> = { readonly [F in Family]?: Value };

export const families: readonly Family[] = [4, 6];

/** The values that are there, each with its family; IPv4 first. */
export function entriesOf<Value>(values: PerFamily<Value>): [Family, Value][] {
  return families.flatMap((family) => {
    const value = values[family];
    return value === undefined ? [] : [[family, value] satisfies [Family, Value]];
  });
}

/** Makes a value for each family for which `make` gives one. */
export function perFamily<Value>(make: (family: Family) => Value | undefined): PerFamily<Value> {
  const values: { [F in Family]?: Value } = {};
  for (const family of families) {
    const value = make(family);
    if (value !== undefined) values[family] = value;
  }
  return values;
}
