import type { NodeInfo, PodInfo, Refusal } from '@berth/sdk/scheduler';
import type { CycleState } from './cycle-state.ts';
import type { Snapshot } from './snapshot.ts';

/**
 * The extension points of a scheduler, as kube-scheduler has them: a plugin implements those that it needs. They come in the order of
 * this file; from PreFilter to Reserve one pod at a time (its scheduling cycle), the others beside the next pods' (its binding cycle).
 *
 * A refusal is a value. What is thrown is an error: the pod stays pending, gets another try after its back-off, and its verdict names
 * the plugin. Filter, Score and the other points that are asked for every node are synchronous: what takes time belongs into
 * PreFilter or PreScore, which pass it on through the CycleState of the pod's cycle. `signal` aborts when the scheduler ends; it
 * doesn't wait any longer then, but for Bind.
 */
export interface Plugin {
  /** As configurations and verdicts name it. */
  readonly name: string;
}

/** Before a pod gets into the queue's active part. A refused pod waits until it changes; after a failure, the plugin is asked again. */
export interface PreEnqueuePlugin extends Plugin {
  preEnqueue(pod: PodInfo): Refusal | undefined;
}

/** Which pod comes first. A profile has exactly one, and all profiles the same. */
export interface QueueSortPlugin extends Plugin {
  /** Negative if `left` comes first. Pods that compare equal, or where it throws, keep the order in which they came. */
  compare(left: QueuedPod, right: QueuedPod): number;
}

/** Which changes of the cluster may help a pod that this plugin refused. Without it, every change does. */
export interface EnqueueExtensions extends Plugin {
  /** Asked at each event. What it throws counts as every change. */
  eventsToRegister(): ClusterEventWithHint[];
}

/** Once per pod, before its nodes are filtered. */
export interface PreFilterPlugin extends Plugin {
  /** A refusal is for all nodes. `skip` leaves out this plugin's Filter for the pod; `nodeNames` leaves out all other nodes. */
  preFilter(state: CycleState, pod: PodInfo, snapshot: Snapshot, signal: AbortSignal): Promise<PreFilterResult> | PreFilterResult;
}

export type PreFilterResult = { skip?: boolean; nodeNames?: ReadonlySet<string> } | Refusal | undefined;

/**
 * Keeps what PreFilter has counted true while a PostFilter plugin tries what would be if pods of a node came or went (DryRun). `state`
 * is a copy for that one trial.
 */
export interface PreFilterExtensions extends PreFilterPlugin {
  /** `node` has the added pod. */
  addPod(state: CycleState, pod: PodInfo, added: PodInfo, node: NodeInfo): void;
  /** `node` hasn't the removed pod any more. */
  removePod(state: CycleState, pod: PodInfo, removed: PodInfo, node: NodeInfo): void;
}

/** Whether one node can take the pod. A node is asked of the plugins in turn, up to the first that refuses it. */
export interface FilterPlugin extends Plugin {
  filter(state: CycleState, pod: PodInfo, node: NodeInfo): Refusal | undefined;
}

/** After no node was found: may make room for a later try. */
export interface PostFilterPlugin extends Plugin {
  /**
   * Where room is being made; a refusal of code Unschedulable lets the next plugin try. `dryRun` begins a trial on a node; it gives
   * undefined for one that PreFilter has left out.
   */
  postFilter(
    state: CycleState,
    pod: PodInfo,
    refusals: ReadonlyMap<string, PluginRefusal>,
    dryRun: (nodeName: string) => DryRun | undefined,
    signal: AbortSignal,
  ): Promise<{ nominatedNodeName: string } | Refusal>;
}

/** What Filter would say of the pod if other pods of a node came or went. Nothing of that is done. */
export interface DryRun {
  /** With what was tried so far. */
  readonly node: NodeInfo;
  addPod(added: PodInfo): void;
  removePod(removed: PodInfo): void;
  /** The first refusal of the Filter plugins. A plugin in another process says what it said of the node as it is. */
  filter(): PluginRefusal | undefined;
}

/** Once per pod, with the nodes that passed every filter; not asked if there is only one. */
export interface PreScorePlugin extends Plugin {
  /** `skip` leaves out this plugin's Score for the pod. */
  preScore(state: CycleState, pod: PodInfo, nodes: readonly NodeInfo[], signal: AbortSignal): Promise<PreScoreResult> | PreScoreResult;
}

export type PreScoreResult = { skip?: boolean } | undefined;

/** How well a node would do. */
export interface ScorePlugin extends Plugin {
  /** A whole number; 0 to 100 unless `normalizeScores` makes it so. */
  score(state: CycleState, pod: PodInfo, node: NodeInfo): number;
  /** All scores of the pod in, as many between 0 and 100 out, in the same order. */
  normalizeScores?(state: CycleState, pod: PodInfo, scores: readonly number[]): number[];
}

/** Takes what the pod will need, once its node is chosen. */
export interface ReservePlugin extends Plugin {
  reserve(state: CycleState, pod: PodInfo, nodeName: string): Refusal | undefined;
  /** Takes it back when a later step fails. Called in reverse order, also without `reserve`; idempotent; never throws. */
  unreserve(state: CycleState, pod: PodInfo, nodeName: string): void;
}

/** May hold a pod back before it is bound, until others have come for instance. */
export interface PermitPlugin extends Plugin {
  /** Asked while the pod's node is reserved. A promise holds the pod, not the pods behind it; `signal` aborts after 15 minutes. */
  permit(state: CycleState, pod: PodInfo, nodeName: string, signal: AbortSignal): Promise<Refusal | undefined> | Refusal | undefined;
}

/** What has to be done before the pod is bound, such as providing its volumes. */
export interface PreBindPlugin extends Plugin {
  preBind(state: CycleState, pod: PodInfo, nodeName: string, signal: AbortSignal): Promise<Refusal | undefined>;
}

/** Binds the pod to its node. */
export interface BindPlugin extends Plugin {
  /** `skip` leaves it to the next plugin. Has to settle when `signal` aborts: until then it isn't known whether the pod is bound. */
  bind(state: CycleState, pod: PodInfo, nodeName: string, signal: AbortSignal): Promise<'bound' | 'skip'>;
}

/** Told after the pod was bound; what it throws changes nothing. */
export interface PostBindPlugin extends Plugin {
  postBind(state: CycleState, pod: PodInfo, nodeName: string): void;
}

/** A plugin, whichever points it has. */
export type AnyPlugin = Plugin &
  Partial<
    PreEnqueuePlugin &
      QueueSortPlugin &
      EnqueueExtensions &
      PreFilterExtensions &
      FilterPlugin &
      PostFilterPlugin &
      PreScorePlugin &
      ScorePlugin &
      ReservePlugin &
      PermitPlugin &
      PreBindPlugin &
      BindPlugin &
      PostBindPlugin
  >;

/** The extension points, by the names that configurations have for them; each is a plugin's method of the same name. */
export const extensionPoints = [
  'preEnqueue',
  'preFilter',
  'filter',
  'postFilter',
  'preScore',
  'score',
  'reserve',
  'permit',
  'preBind',
  'bind',
  'postBind',
] as const;

export type ExtensionPoint = (typeof extensionPoints)[number] | 'queueSort';

/** A refusal and whose it is. */
export interface PluginRefusal extends Refusal {
  plugin: string;
}

/** A pod as it waits in the queue. */
export interface QueuedPod {
  readonly info: PodInfo;
  /** When it got into the queue this time, in ms since the epoch. */
  readonly timestamp: number;
  /** How often it was tried. */
  readonly attempts: number;
}

/** A change of the cluster that may make room for a pod. */
export interface ClusterEvent {
  resource: 'Node' | 'Pod';
  action: 'Add' | 'Update' | 'Delete';
  /** The node that was added or changed, or the one that the pod was on. */
  node?: NodeInfo;
}

export interface ClusterEventWithHint {
  resource: ClusterEvent['resource'];
  actions: ClusterEvent['action'][];
  /** Whether this event is worth another try of the pod; without it, it is. What it throws counts as yes. */
  hint?(pod: PodInfo, event: ClusterEvent): boolean;
}

/** The score of the best node. */
export const maxNodeScore = 100;

/** A refusal stands where other results could. */
export function isRefusal(result: object | undefined): result is Refusal {
  return result !== undefined && 'code' in result;
}
