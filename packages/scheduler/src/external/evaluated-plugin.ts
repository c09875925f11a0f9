import type { NodeInfo, PodInfo, Refusal } from '@berth/sdk/scheduler';
import { type CycleState, StateKey } from '../cycle-state.ts';
import type { FilterPlugin, PreFilterPlugin, PreFilterResult, PreScorePlugin, PreScoreResult, ScorePlugin } from '../framework.ts';
import { normalizeByGreatest, normalizeReversed } from '../normalize.ts';
import type { Snapshot } from '../snapshot.ts';
import type { Evaluation, Evaluator } from './evaluator.ts';

const normalizers = {
  none: (scores: readonly number[]) => [...scores],
  default: normalizeByGreatest,
  reverse: normalizeReversed,
};

/** A plugin of the SDK at its extension points: asked once per pod, ahead of Filter, for all nodes. */
export class EvaluatedPlugin implements PreFilterPlugin, FilterPlugin, PreScorePlugin, ScorePlugin {
  readonly name: string;
  readonly #evaluator: Evaluator;
  readonly #evaluation: StateKey<Evaluation>;

  constructor(name: string, evaluator: Evaluator) {
    this.name = name;
    this.#evaluator = evaluator;
    this.#evaluation = new StateKey(name);
  }

  async preFilter(state: CycleState, pod: PodInfo, snapshot: Snapshot, signal: AbortSignal): Promise<PreFilterResult> {
    const evaluation = await this.#evaluator.evaluate(pod, snapshot, signal);
    state.write(this.#evaluation, evaluation);
    return { skip: !evaluation.filters };
  }

  filter(state: CycleState, _pod: PodInfo, { name }: NodeInfo): Refusal | undefined {
    return state.read(this.#evaluation)?.answers.get(name)?.refusal;
  }

  preScore(state: CycleState): PreScoreResult {
    return { skip: !state.read(this.#evaluation)?.scores };
  }

  score(state: CycleState, _pod: PodInfo, { name }: NodeInfo): number {
    return state.read(this.#evaluation)?.answers.get(name)?.score ?? 0;
  }

  normalizeScores(state: CycleState, _pod: PodInfo, scores: readonly number[]): number[] {
    return normalizers[state.read(this.#evaluation)?.normalization ?? 'none'](scores);
  }
}
