import { describe, expect, it } from 'vitest';
import { compareFacts } from './comparison.ts';

function compare(facts: Record<string, Record<string, string>>) {
  return compareFacts(new Map(Object.entries(facts)));
}

describe('compareFacts', () => {
  it('puts values side by side and says which differ', () => {
    expect(compare({ runc: { phase: 'Running', kernel: '6.1' }, vm: { phase: 'Running', kernel: '6.9' } })).toEqual([
      { fact: 'phase', values: { runc: 'Running', vm: 'Running' }, differs: false },
      { fact: 'kernel', values: { runc: '6.1', vm: '6.9' }, differs: true },
    ]);
  });

  it('shows a fact that one handler lacks as a difference', () => {
    expect(compare({ runc: { address: '10.0.0.2' }, fake: {} })).toEqual([
      { fact: 'address', values: { runc: '10.0.0.2', fake: undefined }, differs: true },
    ]);
  });

  it('shows of texts the first line that differs, or how many there are', () => {
    const runc = { output: 'a\nb\nc' };
    expect(compare({ runc, vm: { output: 'a\nx\nc' } })).toEqual([
      { fact: 'output, line 2', values: { runc: 'b', vm: 'x' }, differs: true },
    ]);
    expect(compare({ runc, vm: { output: 'a\nb' } })).toEqual([
      { fact: 'output, line 3', values: { runc: 'c', vm: undefined }, differs: true },
    ]);
    expect(compare({ runc, vm: runc })).toEqual([{ fact: 'output', values: { runc: '3 lines', vm: '3 lines' }, differs: false }]);
  });
});
