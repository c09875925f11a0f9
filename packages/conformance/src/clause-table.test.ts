import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { clauseTable, unknownClauses } from './clause-table.ts';
import { cniClauses } from './cni/clauses.ts';
import { cniSuite } from './cni/suite.ts';
import { criClauses } from './cri/clauses.ts';
import { criSuite } from './cri/suite.ts';
import { deviceClauses } from './device/clauses.ts';
import { deviceSuite } from './device/suite.ts';
import type { Case } from './suite.ts';

describe('clauseTable', () => {
  const clauses = [
    { name: 'Stop', of: 'Service' },
    { name: 'Request.id', of: 'Request' },
    { name: 'Request.force', of: 'Request' },
  ];
  const cases = [
    { id: 'a.one', proves: ['Stop', 'Request.id'] },
    { id: 'a.two', proves: ['Stop'] },
  ];

  it('has a row for each clause with its cases, and one for those without', () => {
    expect(clauseTable(clauses, cases).split('\n')).toEqual([
      '2 of 3 clauses have a case.',
      '',
      '| clause | cases |',
      '|---|---|',
      '| `Stop` | a.one, a.two |',
      '| `Request.id` | a.one |',
      '| `Request`: `force` | **none** |',
    ]);
  });

  it('tells names that are none', () => {
    expect(unknownClauses(clauses, [{ proves: ['Stop', 'Start'] }])).toEqual(['Start']);
  });
});

describe('the CRI suite', () => {
  it('names clauses by names that the protocol has', () => {
    expect(unknownClauses(criClauses(), criSuite.cases)).toEqual([]);
  });

  it('has at least one case for every RPC', () => {
    const proven = new Set(criSuite.cases.flatMap(({ proves }) => proves));
    const rpcs = criClauses().filter(({ of }) => /Service$/.test(of));
    expect(rpcs).toHaveLength(41);
    expect(rpcs.filter(({ name }) => !proven.has(name))).toEqual([]);
  });

  it('has unique ids that begin with a group, and a clause and a name for each', () => {
    expectWellFormed(criSuite.cases);
  });

  it('is traced in the README as it is; "npm run clauses" writes the table', () => {
    expect(readme()).toContain(clauseTable(criClauses(), criSuite.cases));
  });
});

describe('the CNI suite', () => {
  it('names clauses by names that the specification has', () => {
    expect(unknownClauses(cniClauses(), cniSuite.cases)).toEqual([]);
  });

  it('has at least one case for every clause', () => {
    const proven = new Set(cniSuite.cases.flatMap(({ proves }) => proves));
    expect(cniClauses().filter(({ name }) => !proven.has(name))).toEqual([]);
  });

  it('has unique ids that begin with a group, and a clause of the specification and a name for each', () => {
    expectWellFormed(cniSuite.cases);
    for (const { id, clause } of cniSuite.cases) expect(clause, id).toMatch(/\((SPEC|CONVENTIONS)\.md/);
  });

  it('is traced in the README as it is; "npm run clauses" writes the table', () => {
    expect(readme()).toContain(clauseTable(cniClauses(), cniSuite.cases));
  });
});

describe('the device suite', () => {
  it('names clauses by names that the API has', () => {
    expect(unknownClauses(deviceClauses(), deviceSuite.cases)).toEqual([]);
  });

  it('has at least one case for every clause', () => {
    const proven = new Set(deviceSuite.cases.flatMap(({ proves }) => proves));
    expect(deviceClauses().filter(({ name }) => !proven.has(name))).toEqual([]);
  });

  it('has unique ids that begin with a group, and a source of the clause and a name for each', () => {
    expectWellFormed(deviceSuite.cases);
    const sources = /\((api\.proto|constants\.go|devicemanager|device plugins page|Pod lifecycle page|KEP-\d+|OCI|gRPC|grpc-go)/;
    for (const { id, clause } of deviceSuite.cases) expect(clause, id).toMatch(sources);
  });

  it('is traced in the README as it is; "npm run clauses" writes the table', () => {
    expect(readme()).toContain(clauseTable(deviceClauses(), deviceSuite.cases));
  });
});

function expectWellFormed(cases: Pick<Case<never>, 'id' | 'clause' | 'proves'>[]): void {
  const ids = cases.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { id, clause, proves } of cases) {
    expect(id).toMatch(/^[a-z]+(-[a-z]+)*\.[a-z0-9]+(-[a-z0-9]+)*$/);
    expect(clause.length).toBeGreaterThan(20);
    expect(proves, id).not.toEqual([]);
  }
}

function readme(): string {
  return readFileSync(new URL('../README.md', import.meta.url), 'utf8');
}
