import type {
  AnyPlugin,
  BindPlugin,
  FilterPlugin,
  PermitPlugin,
  PostBindPlugin,
  PostFilterPlugin,
  PreBindPlugin,
  PreEnqueuePlugin,
  PreFilterPlugin,
  PreScorePlugin,
  QueueSortPlugin,
  ReservePlugin,
  ScorePlugin,
} from './framework.ts';

/** Which plugins place the pods that name it in `spec.schedulerName`, at each extension point in the order in which they are asked. */
export interface Profile {
  readonly schedulerName: string;
  /** How many of the nodes have to pass every filter before no more are looked at, in percent; 0: the fewer the more nodes there are. */
  readonly percentageOfNodesToScore: number;
  /** All plugins of the profile by their names. */
  readonly plugins: ReadonlyMap<string, AnyPlugin>;
  readonly queueSort: QueueSortPlugin;
  readonly preEnqueue: readonly PreEnqueuePlugin[];
  readonly preFilter: readonly PreFilterPlugin[];
  readonly filter: readonly FilterPlugin[];
  readonly postFilter: readonly PostFilterPlugin[];
  readonly preScore: readonly PreScorePlugin[];
  readonly score: readonly WeightedPlugin[];
  readonly reserve: readonly ReservePlugin[];
  readonly permit: readonly PermitPlugin[];
  readonly preBind: readonly PreBindPlugin[];
  readonly bind: readonly BindPlugin[];
  readonly postBind: readonly PostBindPlugin[];
}

export interface WeightedPlugin {
  readonly plugin: ScorePlugin;
  readonly weight: number;
}
