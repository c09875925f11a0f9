import type { PodInfo } from '@berth/sdk/scheduler';
import type { Binder } from '../binder.ts';
import type { CycleState } from '../cycle-state.ts';
import type { BindPlugin } from '../framework.ts';

/** Binds every pod through the scheduler's binder. */
export class DefaultBinder implements BindPlugin {
  readonly name = 'DefaultBinder';
  readonly #binder: Binder;

  constructor(binder: Binder) {
    this.#binder = binder;
  }

  async bind(_state: CycleState, pod: PodInfo, nodeName: string, signal: AbortSignal): Promise<'bound'> {
    await this.#binder.bind(pod, nodeName, signal);
    return 'bound';
  }
}
