import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { formatAge, formatListing } from './listing.ts';

const rows = [
  { name: 'a', size: 1 },
  { name: 'longer', size: 22 },
];
const columns = [
  { header: 'NAME', value: (row: (typeof rows)[0]) => row.name },
  { header: 'SIZE', value: (row: (typeof rows)[0]) => String(row.size), wide: true },
];

describe('formatListing', () => {
  it('aligns columns, without the wide ones', () => {
    expect(formatListing(rows, columns, 'table').split('\n')).toEqual(['NAME', 'a', 'longer']);
  });

  it('adds the wide columns', () => {
    expect(formatListing(rows, columns, 'wide').split('\n')).toEqual(['NAME     SIZE', 'a        1', 'longer   22']);
  });

  it('gives the rows themselves as JSON and YAML', () => {
    expect(JSON.parse(formatListing(rows, columns, 'json'))).toEqual(rows);
    expect(parse(formatListing(rows, columns, 'yaml'))).toEqual(rows);
  });
});

describe('formatAge', () => {
  const now = new Date('2026-01-02T00:00:00Z');

  it.each([
    ['2026-01-01T23:59:15Z', '45s'],
    ['2026-01-01T23:48:00Z', '12m'],
    ['2026-01-01T21:00:00Z', '3h'],
    ['2025-12-30T00:00:00Z', '3d'],
    ['2026-01-02T00:00:10Z', '0s'],
  ])('since %s it is %s', (since, age) => {
    expect(formatAge(since, now)).toBe(age);
  });

  it('is unknown for something that never began', () => {
    expect(formatAge(undefined)).toBe('<unknown>');
  });
});
