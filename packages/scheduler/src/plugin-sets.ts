import type { PluginSet, PluginSets } from './configuration.ts';
import { type ExtensionPoint, extensionPoints } from './framework.ts';

/** A plugin at one extension point. */
export interface EnabledPlugin {
  name: string;
  /** Of its scores. */
  weight: number;
}

/** The plugins of a profile by extension point, in the order in which they are asked. */
export type EnabledPlugins = Record<ExtensionPoint, EnabledPlugin[]>;

/** kube-scheduler's default plugins, as far as there are any here, in its order and with its weights. */
export const defaultPlugins: readonly EnabledPlugin[] = [
  { name: 'SchedulingGates', weight: 1 },
  { name: 'PrioritySort', weight: 1 },
  { name: 'NodeUnschedulable', weight: 1 },
  { name: 'NodeName', weight: 1 },
  { name: 'TaintToleration', weight: 3 },
  { name: 'NodeAffinity', weight: 2 },
  { name: 'NodeResourcesFit', weight: 1 },
  { name: 'DefaultBinder', weight: 1 },
];

/**
 * Which plugins a profile has at which point. `multiPoint` stands for all points of a plugin; what a point says of itself overrules
 * it. The order is kube-scheduler's: plugins that a point names again, then the others of `multiPoint`, then those that only the
 * point names. `hasPoint` tells what a plugin can do.
 */
export function enabledPlugins(sets: PluginSets, hasPoint: (name: string, point: ExtensionPoint) => boolean): EnabledPlugins {
  const everywhere = withDefaults(sets.multiPoint ?? {});
  const at = (point: ExtensionPoint) =>
    atPoint(
      sets[point] ?? {},
      everywhere.filter(({ name }) => hasPoint(name, point)),
    );
  return Object.fromEntries((['queueSort', ...extensionPoints] as const).map((point) => [point, at(point)])) as EnabledPlugins;
}

/** A default plugin that is enabled again keeps its place and takes the weight. */
function withDefaults({ enabled = [], disabled = [] }: PluginSet): EnabledPlugin[] {
  const kept = without(defaultPlugins, disabled).map(
    (plugin) =>
      weighted(
        enabled.find(({ name }) => name === plugin.name),
        plugin.weight,
      ) ?? plugin,
  );
  const known = new Set(kept.map(({ name }) => name));
  return [...kept, ...enabled.filter(({ name }) => !known.has(name)).map(({ name, weight }) => ({ name, weight: weight || 1 }))];
}

function atPoint({ enabled = [], disabled = [] }: PluginSet, everywhere: readonly EnabledPlugin[]): EnabledPlugin[] {
  const general = new Map(everywhere.map((plugin) => [plugin.name, plugin]));
  const named = new Set(enabled.map(({ name }) => name));
  const all = enabled.map(({ name, weight }) => ({ name, weight: weight || general.get(name)?.weight || 1 }));
  return [
    ...all.filter(({ name }) => general.has(name)),
    ...without(everywhere, disabled).filter(({ name }) => !named.has(name)),
    ...all.filter(({ name }) => !general.has(name)),
  ];
}

function without(plugins: readonly EnabledPlugin[], disabled: readonly { name: string }[]): EnabledPlugin[] {
  return plugins.filter(({ name }) => !disabled.some((each) => each.name === '*' || each.name === name));
}

function weighted(again: { name: string; weight?: number } | undefined, weight: number): EnabledPlugin | undefined {
  return again && { name: again.name, weight: again.weight || weight };
}
