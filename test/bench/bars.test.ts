import { describe, expect, it } from 'vitest';
import { type Bar, checkBars, describeBar } from './bars.ts';

const bars: Bar[] = [
  { figure: 'up ms', of: 'ours/peer', atMost: 0.55 },
  { figure: 'pods/s', of: 'ours/peer', atLeast: 1.7 },
  { figure: 'memory MB', of: 'ours', atMost: 120 },
];

describe('bars of a bench', () => {
  it('hold at their limit and within', () => {
    const checked = checkBars(bars, { ours: { 'memory MB': 120 }, ratios: { 'up ms': 0.5, 'pods/s': 1.8 } });
    expect(checked.map(({ holds }) => holds)).toEqual([true, true, true]);
    expect(checked[0]).toEqual({ name: 'up ms, ours/peer', value: 0.5, atMost: 0.55, holds: true });
  });

  it('do not hold beyond it, and say so', () => {
    const checked = checkBars(bars, { ours: { 'memory MB': 121 }, ratios: { 'up ms': 0.6, 'pods/s': 1.6 } });
    expect(checked.map(describeBar)).toEqual([
      'bar up ms, ours/peer: 0.60, at most 0.55: DOES NOT HOLD',
      'bar pods/s, ours/peer: 1.60, at least 1.70: DOES NOT HOLD',
      'bar memory MB: 121.00, at most 120.00: DOES NOT HOLD',
    ]);
  });

  it('do not hold where the run gave no figure', () => {
    expect(checkBars(bars.slice(0, 1), { ours: { 'up ms': 3 } }).map(describeBar)).toEqual([
      'bar up ms, ours/peer: not measured in this run, at most 0.55: DOES NOT HOLD',
    ]);
  });

  it('do not hold where a figure is no number', () => {
    expect(checkBars(bars.slice(2), { ours: { 'memory MB': Number.NaN } })).toMatchObject([{ holds: false }]);
  });
});
