import { setTimeout as delay } from 'node:timers/promises';
import { type ContainerEventResponse, GetEventsRequest } from '@berth/sdk/cri';
import { PluginError } from '@berth/sdk/errors';
import type { RuntimeClient } from '../runtime/runtime-client.ts';

/** A runtime whose events are followed, and whom to tell. */
interface ContainerEventsOptions {
  client: RuntimeClient;
  /** How often a stream that breaks off is asked for again before that is given up; a runtime that is away counts for none. Default 5, kubelet's. */
  streamRetries?: number;
  /** How long to wait before a stream is asked for again; each time in a row twice as long. Default 200 ms. */
  retryDelayMs?: number;
  onEvent(event: ContainerEventResponse): void;
  /** A stream has been asked for, or has broken off: from its beginning on, and as long as it goes on, events tell what changes. */
  onFollowing(following: boolean): void;
}

const defaultStreamRetries = 5;
const defaultRetryDelayMs = 200;
/** A stream that went on as long as this has begun well: retries are counted anew. */
const steadyMs = 60_000;

/** Follows a runtime's life-cycle events (CRI GetContainerEvents; kubelet's evented PLEG). */
export class ContainerEvents {
  readonly #options: ContainerEventsOptions;

  constructor(options: ContainerEventsOptions) {
    this.#options = options;
  }

  /** Until `signal` aborts, or the runtime has turned out to have no events: then why, for the log. */
  async run(signal: AbortSignal): Promise<string | undefined> {
    const { streamRetries = defaultStreamRetries, retryDelayMs = defaultRetryDelayMs } = this.#options;
    for (let attempts = 0; !signal.aborted; attempts++) {
      const begunAt = performance.now();
      const { lasting, away, why } = await this.#follow(signal);
      if (signal.aborted) return undefined;
      if (lasting) return why;
      if (performance.now() - begunAt >= steadyMs) attempts = 0;
      if (away) attempts = Math.min(attempts, streamRetries - 1);
      if (attempts >= streamRetries) return `${why} (asked ${streamRetries + 1} times)`;
      await delay(retryDelayMs * 2 ** attempts, undefined, { signal }).catch(() => {});
    }
    return undefined;
  }

  /** One stream to its end: why it ended, whether the next one would too, and whether that is because the runtime is away. */
  async #follow(signal: AbortSignal): Promise<{ lasting: boolean; away: boolean; why: string }> {
    const { client, onEvent, onFollowing } = this.#options;
    onFollowing(true);
    try {
      for await (const event of client.runtime.getContainerEvents(GetEventsRequest.create(), { signal })) onEvent(event);
      return { lasting: false, away: false, why: 'the stream of events ended' };
    } catch (thrown) {
      const { code, message } = PluginError.from(thrown);
      return { lasting: code === 'UNIMPLEMENTED', away: code === 'UNAVAILABLE', why: message };
    } finally {
      onFollowing(false);
    }
  }
}
