import type { Node, Pod } from '@berth/api/objects';
import type { ResourceAmounts } from '@berth/api/resource-amounts';
import { PluginError } from './errors.ts';

/** A pod, and what kube-scheduler's arithmetic makes of it. */
export interface PodInfo {
  /** Unique among the pods that a scheduler knows. */
  readonly uid: string;
  readonly pod: Pod;
  /** Init containers, sidecars and overhead included. */
  readonly requests: ResourceAmounts;
}

/** A node and the pods on it, at one moment: it never changes. */
export interface NodeInfo {
  readonly name: string;
  readonly node: Node;
  /** By uid; those that are only just being bound, too. */
  readonly pods: ReadonlyMap<string, PodInfo>;
  readonly allocatable: ResourceAmounts;
  /** What its pods request together. */
  readonly requested: ResourceAmounts;
}

/** Whether a pod that was refused might fit if other pods went away. */
export type RefusalCode = 'Unschedulable' | 'UnschedulableAndUnresolvable';

/** Why a node can't take a pod. An expected answer, not an error. */
export interface Refusal {
  code: RefusalCode;
  /** As kube-scheduler words them, so that equal ones can be counted: `node(s) cost more than the pod allows`. */
  reasons: string[];
}

/**
 * What is made of scores before they are weighted, over the nodes that passed every filter. `none`: they are whole numbers of 0 to
 * 100 already. `default`: the greatest becomes 100 and the others follow in proportion. `reverse`: the same turned around, so that
 * little is good.
 */
export type Normalization = 'none' | 'default' | 'reverse';

/** What an author writes. All of it is asked for one pod at a time; what it throws leaves that pod pending, with the plugin's name. */
export interface SchedulerPluginDefinition<Prepared = undefined> {
  /** As configurations name it: `NodeCost`. */
  name: string;
  /** Comes first, once per pod; its result is handed to `filter` and `score`. The place for whatever takes time. */
  prepare?(pod: PodInfo, nodes: readonly NodeInfo[], signal: AbortSignal): Prepared | Promise<Prepared>;
  /** Why the node can't take the pod, or undefined if it can. A string is short for a refusal that pods' going away might lift. */
  filter?(pod: PodInfo, node: NodeInfo, prepared: Prepared): Refusal | string | undefined;
  /** How well the node would do: a whole number, zero or more. Asked for nodes that `filter` lets pass. */
  score?(pod: PodInfo, node: NodeInfo, prepared: Prepared): number;
  /** Default `none`. */
  normalization?: Normalization;
}

/** A plugin that can be loaded into a scheduler, or served to one. Failures of the author's functions name plugin, function and node. */
export interface SchedulerPlugin {
  readonly name: string;
  readonly filters: boolean;
  readonly scores: boolean;
  readonly normalization: Normalization;
  prepare(pod: PodInfo, nodes: readonly NodeInfo[], signal: AbortSignal): Promise<unknown>;
  filter(pod: PodInfo, node: NodeInfo, prepared: unknown): Refusal | undefined;
  score(pod: PodInfo, node: NodeInfo, prepared: unknown): number;
}

/** What a plugin's module has as its default export: makes the plugin from the `args` of its configuration, which it has to check. */
export type SchedulerPluginFactory = (args: Record<string, unknown>) => SchedulerPlugin;

/**
 * Makes a plugin of its functions. `serveSchedulerPlugin` serves it; a scheduler in the same process takes it as it is. Throws
 * INVALID_ARGUMENT for a definition that has neither `filter` nor `score`, or no name.
 */
export function schedulerPlugin<Prepared = undefined>(definition: SchedulerPluginDefinition<Prepared>): SchedulerPlugin {
  const { name } = definition;
  if (!/^[A-Za-z][-A-Za-z0-9._/]*$/.test(name)) throw invalid(name, 'the name is none', 'choose one such as NodeCost');
  if (!definition.filter && !definition.score) throw invalid(name, 'it has neither filter nor score', 'write at least one of them');
  return {
    name,
    filters: definition.filter !== undefined,
    scores: definition.score !== undefined,
    normalization: definition.normalization ?? 'none',
    async prepare(pod, nodes, signal) {
      try {
        return await definition.prepare?.(pod, nodes, signal);
      } catch (thrown) {
        throw failure('prepare', thrown);
      }
    },
    filter: (pod, node, prepared) => {
      const what = `filter of node ${node.name}`;
      return refusalOf(
        attempt(what, () => definition.filter?.(pod, node, prepared as Prepared)),
        what,
      );
    },
    score: (pod, node, prepared) => {
      const what = `score of node ${node.name}`;
      return checkedScore(
        attempt(what, () => definition.score?.(pod, node, prepared as Prepared)),
        what,
      );
    },
  };
}

function attempt<T>(what: string, work: () => T): T {
  const answer = answerOf(what, work);
  if (!(answer instanceof Promise)) return answer;
  // What becomes of it is nobody's concern: the answer is refused.
  answer.catch(() => undefined);
  throw new PluginError('INTERNAL', 'it gave a Promise', {
    object: what,
    hint: 'filter and score answer at once; what takes time belongs into prepare',
  });
}

function answerOf<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    throw failure(what, thrown);
  }
}

function failure(what: string, thrown: unknown): PluginError {
  const { code, message } = PluginError.from(thrown);
  return new PluginError(code, message, { object: what, cause: thrown });
}

function refusalOf(answer: Refusal | string | undefined, what: string): Refusal | undefined {
  if (answer === undefined) return undefined;
  const refusal: Refusal = typeof answer === 'string' ? { code: 'Unschedulable', reasons: [answer] } : answer;
  if (isRefusal(refusal)) return refusal;
  throw new PluginError('INTERNAL', `it gave ${JSON.stringify(answer)}`, {
    object: what,
    hint: 'a refusal has a code and reasons; a node that may take the pod gets undefined',
  });
}

function checkedScore(score: number | undefined, what: string): number {
  if (Number.isSafeInteger(score) && Number(score) >= 0) return Number(score);
  throw new PluginError('OUT_OF_RANGE', `it gave ${score}`, { object: what, hint: 'a score is a whole number, zero or more' });
}

/** Authors may write plain JavaScript: the answer can be anything. */
function isRefusal(answer: Partial<Refusal> | null): boolean {
  const { code, reasons } = answer ?? {};
  const known: unknown[] = ['Unschedulable', 'UnschedulableAndUnresolvable'] satisfies RefusalCode[];
  return known.includes(code) && Array.isArray(reasons) && reasons.length > 0 && reasons.every((reason) => typeof reason === 'string');
}

function invalid(name: string, what: string, hint: string): PluginError {
  return new PluginError('INVALID_ARGUMENT', what, { object: `scheduler plugin ${JSON.stringify(name)}`, hint });
}
