import { unlessAborted } from '@berth/sdk/abort';
import { PluginError } from '@berth/sdk/errors';

interface Work {
  readonly stopping: AbortController;
  readonly running: Set<Promise<unknown>>;
}

/**
 * What is being made inside sandboxes: containers created and started. Any number may go on at once; stopping a sandbox
 * aborts them and waits until they have cleaned up, so that nothing appears in a sandbox that is being taken down.
 */
export class SandboxWork {
  readonly #bySandbox = new Map<string, Work>();

  /** Runs `work`; its signal is aborted with `signal`, and when the sandbox is being stopped. */
  async inside<Result>(sandboxId: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    const own = this.#bySandbox.get(sandboxId) ?? { stopping: new AbortController(), running: new Set() };
    this.#bySandbox.set(sandboxId, own);
    const running = work(AbortSignal.any([signal, own.stopping.signal]));
    own.running.add(running);
    try {
      return await running;
    } finally {
      own.running.delete(running);
      if (own.running.size === 0 && this.#bySandbox.get(sandboxId) === own) this.#bySandbox.delete(sandboxId);
    }
  }

  /** Aborts what goes on in the sandbox, and resolves when it has ended. The caller lets no more in. */
  async end(sandboxId: string, signal: AbortSignal): Promise<void> {
    const own = this.#bySandbox.get(sandboxId);
    if (!own) return;
    own.stopping.abort(new PluginError('ABORTED', 'it is being stopped', { object: `sandbox ${sandboxId}` }));
    await unlessAborted(Promise.allSettled(own.running), signal);
  }
}
