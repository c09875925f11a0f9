import { unlessAborted } from '@berth/sdk/abort';
import type { ExecutionInput, ExecutionLimits } from '@berth/sdk/cni/execution';

type Attachment = Pick<ExecutionInput, 'network' | 'containerId' | 'ifName'>;

/** Calls that were given up and go on all the same, by attachment: what takes one back must not run beside it. */
export class UnfinishedCalls {
  readonly #ends = new Map<string, Promise<unknown>>();

  /** `end` settles once nothing of the call goes on any more. */
  add(attachment: Attachment, end: Promise<unknown>): void {
    const key = keyOf(attachment);
    const ends = Promise.allSettled([this.#ends.get(key), end]).then(() => {
      if (this.#ends.get(key) === ends) this.#ends.delete(key);
    });
    this.#ends.set(key, ends);
  }

  /** Waits until none goes on for that attachment; false where that isn't so within the limits. */
  async haveEnded(attachment: Attachment, { timeLimitMs, signal }: ExecutionLimits): Promise<boolean> {
    const ends = this.#ends.get(keyOf(attachment));
    if (!ends) return true;
    const limit = AbortSignal.timeout(timeLimitMs);
    return unlessAborted(ends, signal ? AbortSignal.any([signal, limit]) : limit).then(
      () => true,
      () => false,
    );
  }
}

function keyOf({ network, containerId, ifName }: Attachment): string {
  return [network, containerId, ifName].join('/');
}
