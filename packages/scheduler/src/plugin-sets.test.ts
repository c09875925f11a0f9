import { describe, expect, it } from 'vitest';
import type { PluginSets } from './configuration.ts';
import type { ExtensionPoint } from './framework.ts';
import { enabledPlugins } from './plugin-sets.ts';

const points: Record<string, ExtensionPoint[]> = {
  PrioritySort: ['queueSort'],
  SchedulingGates: ['preEnqueue'],
  NodeUnschedulable: ['filter'],
  NodeName: ['filter'],
  TaintToleration: ['filter', 'score'],
  NodeAffinity: ['filter', 'score'],
  NodeResourcesFit: ['filter', 'score'],
  DefaultBinder: ['bind'],
  Mine: ['filter', 'score'],
};
const enabled = (sets: PluginSets) => enabledPlugins(sets, (name, point) => points[name]?.includes(point) ?? false);
const scores = (sets: PluginSets) => enabled(sets).score.map(({ name, weight }) => `${name} ${weight}`);
const filters = (sets: PluginSets) => enabled(sets).filter.map(({ name }) => name);

describe('the plugins of a profile', () => {
  it("are kube-scheduler's defaults, in its order and with its weights", () => {
    expect(filters({})).toEqual(['NodeUnschedulable', 'NodeName', 'TaintToleration', 'NodeAffinity', 'NodeResourcesFit']);
    expect(scores({})).toEqual(['TaintToleration 3', 'NodeAffinity 2', 'NodeResourcesFit 1']);
    expect(enabled({})).toMatchObject({ queueSort: [{ name: 'PrioritySort' }], bind: [{ name: 'DefaultBinder' }], permit: [] });
  });

  it('have another at all its points, behind the defaults', () => {
    const sets: PluginSets = { multiPoint: { enabled: [{ name: 'Mine', weight: 5 }] } };
    expect(filters(sets).at(-1)).toBe('Mine');
    expect(scores(sets).at(-1)).toBe('Mine 5');
  });

  it('give a default plugin another weight in its old place', () => {
    expect(scores({ multiPoint: { enabled: [{ name: 'TaintToleration', weight: 7 }] } })[0]).toBe('TaintToleration 7');
  });

  it('lack what is disabled, at all points or at one', () => {
    expect(scores({ multiPoint: { disabled: [{ name: 'NodeAffinity' }] } })).toEqual(['TaintToleration 3', 'NodeResourcesFit 1']);
    expect(scores({ score: { disabled: [{ name: 'NodeAffinity' }] } })).toEqual(['TaintToleration 3', 'NodeResourcesFit 1']);
    expect(filters({ score: { disabled: [{ name: 'NodeAffinity' }] } })).toContain('NodeAffinity');
    expect(scores({ score: { disabled: [{ name: '*' }], enabled: [{ name: 'Mine' }] } })).toEqual(['Mine 1']);
  });

  it('come first, with the weight given there, where a point names them again', () => {
    const sets: PluginSets = {
      score: {
        enabled: [
          { name: 'NodeResourcesFit', weight: 9 },
          { name: 'Mine', weight: 2 },
        ],
      },
    };
    expect(scores(sets)).toEqual(['NodeResourcesFit 9', 'TaintToleration 3', 'NodeAffinity 2', 'Mine 2']);
  });
});
