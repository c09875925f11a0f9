import { randomUUID } from 'node:crypto';
import { type Client, connect } from '@berth/sdk/connect';
import { PluginError } from '@berth/sdk/errors';
import type { Normalization, PodInfo, Refusal } from '@berth/sdk/scheduler';
import type { NodeAnswer } from '@berth/sdk/scheduler/evaluate';
import {
  Code,
  type EvaluateResponse,
  type NodeAnswer as NodeAnswerMessage,
  Normalization as NormalizationMessage,
  SchedulerPluginService,
} from '@berth/sdk/scheduler/protocol';
import type { Snapshot } from '../snapshot.ts';
import { checkAnswers } from './check-answers.ts';
import type { Abilities, Evaluation, Evaluator } from './evaluator.ts';
import { podMessage, snapshotDeltas } from './snapshot-deltas.ts';

export interface RemotePlugin {
  /** As the configuration names it: the plugin has to say the same. */
  name: string;
  /** `unix:///path` or `host:port`. */
  endpoint: string;
  /** For each call. */
  timeoutMs: number;
}

/** A plugin in another process, over `proto/scheduler.proto`. It keeps the nodes: one call per pod brings it what has changed. */
export class RemoteEvaluator implements Evaluator {
  readonly #plugin: RemotePlugin;
  readonly #client: Client<typeof SchedulerPluginService>;
  readonly #session = randomUUID();
  /** What the plugin has of the nodes; undefined: nothing that is known for sure. */
  #acknowledged: Snapshot | undefined;
  #abilities: Abilities | undefined;

  constructor(plugin: RemotePlugin) {
    this.#plugin = plugin;
    this.#client = connect(SchedulerPluginService, plugin.endpoint, { deadlineMs: plugin.timeoutMs });
  }

  async evaluate(pod: PodInfo, snapshot: Snapshot, signal: AbortSignal): Promise<Evaluation> {
    try {
      this.#abilities ??= await this.#describe(signal);
      const response = (await this.#ask(pod, snapshot, signal)) ?? (await this.#ask(pod, snapshot, signal));
      if (!response) throw this.#nonsense('it asked for all nodes again, just after it had got them');
      return { ...this.#abilities, answers: this.#check(response, snapshot, this.#abilities) };
    } catch (thrown) {
      // The next call may reach another process.
      this.#abilities = undefined;
      throw thrown;
    }
  }

  close(): void {
    this.#client.close();
  }

  async #describe(signal: AbortSignal): Promise<Abilities> {
    const { name, filters, scores, normalization } = await this.#client.describe({}, { signal });
    if (name !== this.#plugin.name) throw this.#nonsense(`it says that it is plugin ${JSON.stringify(name)}, not ${this.#plugin.name}`);
    const known = normalizations[normalization];
    if (!known) throw this.#nonsense(`it wants the unknown normalization ${normalization}`);
    return { filters, scores, normalization: known };
  }

  /** Brings the plugin's nodes up to the snapshot and asks; undefined if it hasn't what it was thought to have. */
  async #ask(pod: PodInfo, snapshot: Snapshot, signal: AbortSignal): Promise<EvaluateResponse | undefined> {
    const deltas = snapshotDeltas(this.#session, this.#acknowledged, snapshot);
    // Until it has answered, what it has is uncertain.
    this.#acknowledged = undefined;
    for (const delta of deltas.slice(0, -1)) {
      const { wantsFullSnapshot } = await this.#client.updateSnapshot({ delta }, { signal });
      if (wantsFullSnapshot) return undefined;
    }
    const response = await this.#client.evaluate({ pod: podMessage(pod), delta: deltas.at(-1) }, { signal });
    if (response.wantsFullSnapshot) return undefined;
    this.#acknowledged = snapshot;
    return response;
  }

  #check({ generation, nodes }: EvaluateResponse, snapshot: Snapshot, abilities: Abilities): Evaluation['answers'] {
    if (generation !== snapshot.generation) {
      throw this.#nonsense(`it judged generation ${generation} of the nodes, not ${snapshot.generation}`);
    }
    return checkAnswers(nodes.map(readAnswer), snapshot, abilities);
  }

  #nonsense(what: string): PluginError {
    return new PluginError('INTERNAL', what, { object: this.#plugin.endpoint, hint: 'see proto/scheduler.proto' });
  }
}

const normalizations: Readonly<Record<number, Normalization>> = {
  [NormalizationMessage.NONE]: 'none',
  [NormalizationMessage.DEFAULT]: 'default',
  [NormalizationMessage.REVERSE]: 'reverse',
};

function readAnswer({ name, refusal, score }: NodeAnswerMessage): NodeAnswer {
  return { name, ...(refusal && { refusal: readRefusal(refusal) }), ...(score !== undefined && { score: Number(score) }) };
}

function readRefusal({ code, reasons }: NonNullable<NodeAnswerMessage['refusal']>): Refusal {
  return { code: code === Code.UNSCHEDULABLE_AND_UNRESOLVABLE ? 'UnschedulableAndUnresolvable' : 'Unschedulable', reasons };
}
