import { expect, it } from 'vitest';
import { checkNodeWarnings } from './node-warnings.ts';

const now = new Date('2026-07-01T10:00:00Z');
const floods = { reason: 'DevicePluginFloods', message: 'it tells too often; mend it', lastSeen: '2026-07-01T09:55:00Z' };

it.each([
  [{ ...floods, count: 1, firstSeen: floods.lastSeen }, 'it tells too often; mend it (5m ago)'],
  [{ ...floods, count: 3, firstSeen: '2026-07-01T09:50:00Z' }, 'it tells too often; mend it (3 times in 10m, last 5m ago)'],
])('a warning of a running node is told with its cure, how often and when', (warning, found) => {
  expect(checkNodeWarnings([warning], now)).toEqual([{ name: 'event DevicePluginFloods', verdict: 'warning', found }]);
});
