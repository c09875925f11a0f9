import type { Case } from './suite.ts';

/** One thing that a protocol defines, under the name that cases name it by, and what it belongs to. */
export interface Clause {
  /** `StopPodSandbox`, `Mount.readonly`. */
  name: string;
  /** The service or the message. */
  of: string;
}

/**
 * A Markdown table that traces every clause to the cases that prove it, and shows those without one: a row for each
 * clause with cases, and for each service or message one with the names of the rest.
 */
export function clauseTable(clauses: Clause[], cases: Pick<Case<never>, 'id' | 'proves'>[]): string {
  const byClause = new Map<string, string[]>();
  for (const { id, proves } of cases) for (const name of proves) byClause.set(name, [...(byClause.get(name) ?? []), id]);
  const proven = clauses.filter(({ name }) => byClause.has(name)).length;
  const rows = [...Map.groupBy(clauses, ({ of }) => of)].flatMap(([of, members]) => {
    const without = members.filter(({ name }) => !byClause.has(name)).map(({ name }) => `\`${name.slice(name.indexOf('.') + 1)}\``);
    const withCases = members.flatMap(({ name }) => {
      const ids = byClause.get(name);
      return ids ? [`| \`${name}\` | ${ids.join(', ')} |`] : [];
    });
    return [...withCases, ...(without.length > 0 ? [`| \`${of}\`: ${without.join(', ')} | **none** |`] : [])];
  });
  return [`${proven} of ${clauses.length} clauses have a case.`, '', '| clause | cases |', '|---|---|', ...rows].join('\n');
}

/** Names that cases say they prove and that the protocol doesn't have. */
export function unknownClauses(clauses: Clause[], cases: Pick<Case<never>, 'proves'>[]): string[] {
  const known = new Set(clauses.map(({ name }) => name));
  return [...new Set(cases.flatMap(({ proves }) => proves))].filter((name) => !known.has(name));
}
