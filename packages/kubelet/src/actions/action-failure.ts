import { PluginError } from '@berth/sdk/errors';

/** An action that failed, with the reason that the pod's status and events give. */
export class ActionFailure extends Error {
  /** `ErrImagePull`, `FailedCreatePodSandBox`, ... */
  readonly reason: string;
  /** The plugin wasn't there to answer: the next try may come soon. */
  readonly transient: boolean;
  /** An event has told of it already. */
  readonly recorded: boolean;

  constructor(reason: string, message: string, cause: PluginError, { recorded = false } = {}) {
    super(message, { cause });
    this.name = 'ActionFailure';
    this.reason = reason;
    this.recorded = recorded;
    this.transient = cause.code === 'UNAVAILABLE';
  }

  /** Runs one step of an action; what it throws gets the reason. `who` names the plugin or the part that failed. */
  static async explain<T>(reason: string, who: string, step: () => Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (thrown) {
      if (thrown instanceof ActionFailure) throw thrown;
      const cause = PluginError.from(thrown);
      // Some plugins name themselves.
      const message = cause.message.startsWith(`${who}: `) ? cause.message : `${who}: ${cause.message}`;
      throw new ActionFailure(reason, message, cause);
    }
  }
}
