import { expect, it } from 'vitest';
import { canonicalDuration, milliseconds } from './duration.ts';

it.each([
  ['0', '0s', 0],
  ['0s', '0s', 0],
  ['20s', '20s', 20_000],
  ['60s', '1m0s', 60_000],
  ['90m', '1h30m0s', 5_400_000],
  ['1h0.5s', '1h0m0.5s', 3_600_500],
  ['300ms', '300ms', 300],
  ['1500us', '1.5ms', 1.5],
  ['1.5µs', '1.5µs', 0.0015],
  ['7ns', '7ns', 0.000007],
  ['-1.5h', '-1h30m0s', -5_400_000],
  ['.5s', '500ms', 500],
  ['9000h', '9000h0m0s', 9000 * 3_600_000],
])('%s is %s', (text, canonical, ms) => {
  expect([canonicalDuration(text), milliseconds(text)]).toEqual([canonical, ms]);
});

it.each(['', 's', '5', '1.s5', '1d', '1m 30s', '1h30', '--1s', '9999999999h', 'forever'])('%j is no duration', (text) => {
  expect(canonicalDuration(text)).toBeUndefined();
});
