import { unlessAborted } from '@berth/sdk/abort';
import { PluginError } from '@berth/sdk/errors';
import type { NodeInfo, PodInfo, SchedulerPlugin } from '@berth/sdk/scheduler';
import { evaluate } from '@berth/sdk/scheduler/evaluate';
import type { NodeState } from '../node-state.ts';
import type { Snapshot } from '../snapshot.ts';
import { checkAnswers } from './check-answers.ts';
import type { Evaluation, Evaluator } from './evaluator.ts';

/** A plugin in this process. One that doesn't give the thread back can't be stopped: what isn't trusted so far is served. */
export class InProcessEvaluator implements Evaluator {
  readonly #plugin: SchedulerPlugin;
  readonly #timeoutMs: number;
  readonly #copies = new WeakMap<NodeState, NodeInfo>();

  constructor(plugin: SchedulerPlugin, timeoutMs: number) {
    this.#plugin = plugin;
    this.#timeoutMs = timeoutMs;
  }

  async evaluate(pod: PodInfo, snapshot: Snapshot, signal: AbortSignal): Promise<Evaluation> {
    const deadline = new AbortController();
    const expire = () => deadline.abort(new PluginError('DEADLINE_EXCEEDED', `no answer within ${this.#timeoutMs} ms`));
    const timer = setTimeout(expire, this.#timeoutMs);
    try {
      const limited = AbortSignal.any([signal, deadline.signal]);
      const answers = await unlessAborted(evaluate(this.#plugin, structuredClone(pod), this.#copiesOf(snapshot), limited), limited);
      const { filters, scores, normalization } = this.#plugin;
      return { filters, scores, normalization, answers: checkAnswers(answers, snapshot, this.#plugin) };
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {}

  /** What a plugin does to its nodes is its own affair, as for one in another process. A copy is made for each change of a node. */
  #copiesOf({ nodes }: Snapshot): NodeInfo[] {
    return nodes.map((node) => {
      const copy = this.#copies.get(node) ?? structuredClone(node);
      this.#copies.set(node, copy);
      return copy;
    });
  }
}
