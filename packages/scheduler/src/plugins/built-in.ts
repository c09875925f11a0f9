import type { z } from 'zod';
import type { Binder } from '../binder.ts';
import type { AnyPlugin } from '../framework.ts';
import { DefaultBinder } from './default-binder.ts';
import { NodeAffinity } from './node-affinity.ts';
import { NodeName } from './node-name.ts';
import { NodeResourcesFit, nodeResourcesFitArgs } from './node-resources-fit.ts';
import { NodeUnschedulable } from './node-unschedulable.ts';
import { PrioritySort } from './priority-sort.ts';
import { SchedulingGates } from './scheduling-gates.ts';
import { TaintToleration } from './taint-toleration.ts';

/** A plugin that comes with the scheduler. */
export interface BuiltInPlugin {
  /** Shape of its `args` in `pluginConfig`; without one it takes none. */
  args?: z.ZodType;
  /** `args` has that shape, its defaults filled in. */
  create(args: unknown, binder: Binder): AnyPlugin;
}

/** By the names that configurations have for them. */
export const builtInPlugins: Readonly<Record<string, BuiltInPlugin>> = {
  SchedulingGates: { create: () => new SchedulingGates() },
  PrioritySort: { create: () => new PrioritySort() },
  NodeUnschedulable: { create: () => new NodeUnschedulable() },
  NodeName: { create: () => new NodeName() },
  TaintToleration: { create: () => new TaintToleration() },
  NodeAffinity: { create: () => new NodeAffinity() },
  NodeResourcesFit: { args: nodeResourcesFitArgs, create: (args) => new NodeResourcesFit(nodeResourcesFitArgs.parse(args)) },
  DefaultBinder: { create: (_args, binder) => new DefaultBinder(binder) },
};
