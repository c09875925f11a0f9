import { setTimeout } from 'node:timers/promises';
import type { NetworkStatus } from '@berth/sdk/cni/runner';
import type { NetworkConfigList } from '@berth/sdk/cni/types';
import { PluginError } from '@berth/sdk/errors';

interface NetworkReadinessOptions {
  /** How long an answer counts, in milliseconds. */
  freshMs?: number;
  /** Longest that who asks waits for an answer. */
  patienceMs?: number;
}

/** Whether plugins say that their network can take pods. They are asked every few seconds at most, and nobody waits long for them. */
export class NetworkReadiness {
  readonly #ask: (list: NetworkConfigList) => Promise<NetworkStatus>;
  readonly #freshMs: number;
  readonly #patienceMs: number;
  #current: Asked | undefined;

  constructor(
    ask: (list: NetworkConfigList) => Promise<NetworkStatus>,
    { freshMs = 10_000, patienceMs = 1000 }: NetworkReadinessOptions = {},
  ) {
    this.#ask = ask;
    this.#freshMs = freshMs;
    this.#patienceMs = patienceMs;
  }

  /** Why no pod could be attached, as the plugins said last; undefined where they say nothing against it. */
  async problem(list: NetworkConfigList): Promise<PluginError | undefined> {
    if (this.#current?.text !== list.text) this.#current = { text: list.text };
    const asked = this.#current;
    if (asked.answer && performance.now() - asked.answer.at < this.#freshMs) return asked.answer.problem;
    asked.running ??= this.#refresh(asked, list);
    const patience = new AbortController();
    const impatient = setTimeout(this.#patienceMs, undefined, { ref: false, signal: patience.signal }).catch(() => undefined);
    await Promise.race([asked.running, impatient]);
    patience.abort();
    if (asked.answer) return asked.answer.problem;
    return new PluginError('UNAVAILABLE', `its plugins haven't answered STATUS within ${this.#patienceMs / 1000} s`, {
      object: `CNI network ${list.name}`,
    });
  }

  async #refresh(asked: Asked, list: NetworkConfigList): Promise<void> {
    const problem = await this.#ask(list).then(
      (status) => (status.condition === 'ready' ? undefined : status.error),
      (thrown: unknown) => PluginError.from(thrown),
    );
    asked.answer = { problem, at: performance.now() };
    asked.running = undefined;
  }
}

/** What is known of one configuration. */
interface Asked {
  text: string;
  answer?: { problem: PluginError | undefined; at: number };
  running?: Promise<void> | undefined;
}
