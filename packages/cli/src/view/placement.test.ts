import { describe, expect, it } from 'vitest';
import { formatPlacements } from './placement.ts';

const score = (plugin: string, weight: number, normalized: number) => ({
  plugin,
  weight,
  raw: 1,
  normalized,
  weighted: weight * normalized,
});

describe('formatPlacements', () => {
  it('shows where the pods went, then for each what every node was told', () => {
    const refusal = { plugin: 'NodeResourcesFit', code: 'Unschedulable' as const, reasons: ['Insufficient cpu'] };
    const text = formatPlacements([
      {
        pod: 'default/a',
        outcome: 'Scheduled',
        nodeName: 'n1',
        message: 'Successfully assigned default/a to n1',
        nodes: [
          { node: 'n1', scores: [score('TaintToleration', 3, 100), score('NodeResourcesFit', 1, 87)], total: 387 },
          { node: 'n2', scores: [score('TaintToleration', 3, 0), score('NodeResourcesFit', 1, 90)], total: 90 },
          { node: 'n3', scores: [], refusal },
        ],
      },
      { pod: 'default/b', outcome: 'Running', nodeName: 'n3', message: 'runs on n3 already', nodes: [] },
      { pod: 'default/c', outcome: 'Failed', message: 'plugin X failed at preFilter: boom', nodes: [] },
    ]);
    expect(text.split('\n')).toEqual([
      'POD         NODE     OUTCOME     WHY',
      'default/a   n1       Scheduled',
      'default/b   n3       Running     runs on n3 already',
      'default/c   <none>   Failed      plugin X failed at preFilter: boom',
      '',
      'pod default/a',
      'NODE   FILTER                               TaintToleration   NodeResourcesFit   TOTAL',
      'n1     passed                               100 x 3           87                 387',
      'n2     passed                               0 x 3             90                 90',
      'n3     NodeResourcesFit: Insufficient cpu',
    ]);
  });
});
