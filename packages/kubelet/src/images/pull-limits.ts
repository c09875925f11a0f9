import { PluginError } from '@berth/sdk/errors';
import type { Clock } from '../clock.ts';

/** How many images are pulled at a time and in a time; the fields are KubeletConfiguration's. */
export interface PullLimitOptions {
  /** One at a time. */
  serializeImagePulls: boolean;
  /** At most so many at a time, where they aren't serialized; undefined: no limit. */
  maxParallelImagePulls?: number;
  /** Pulls a second in the long run; 0: no limit. */
  registryPullQPS: number;
  /** Pulls at once after a pause. */
  registryBurst: number;
}

/** kubelet's. */
const defaultPullLimits: PullLimitOptions = { serializeImagePulls: true, registryPullQPS: 5, registryBurst: 10 };

/** Lets pulls of the whole node go one after the other, or so many at a time, in the order they came. */
export class PullLimits {
  readonly #options: PullLimitOptions;
  readonly #clock: Clock;
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #tokens: number;
  #filledAt: Date;

  constructor(options: Partial<PullLimitOptions>, clock: Clock) {
    this.#options = { ...defaultPullLimits, ...options };
    this.#clock = clock;
    this.#tokens = this.#options.registryBurst;
    this.#filledAt = clock.now();
  }

  /** Runs `work` when its turn has come, and tells it whether it had to wait. One that is given up while it waits throws the signal's reason. */
  async inTurn<T>(work: (waited: boolean) => Promise<T>, signal: AbortSignal): Promise<T> {
    const waited = await this.#turn(signal);
    try {
      return await work(waited);
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }

  /** Counts one pull. RESOURCE_EXHAUSTED, in kubelet's words, where there were too many of late. */
  takeToken(): void {
    const { registryPullQPS, registryBurst } = this.#options;
    if (registryPullQPS === 0) return;
    const now = this.#clock.now();
    const refilled = ((now.getTime() - this.#filledAt.getTime()) / 1000) * registryPullQPS;
    this.#tokens = Math.min(registryBurst, this.#tokens + refilled);
    this.#filledAt = now;
    if (this.#tokens < 1) throw new PluginError('RESOURCE_EXHAUSTED', 'pull QPS exceeded');
    this.#tokens--;
  }

  async #turn(signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    if (this.#running < this.#limit()) {
      this.#running++;
      return false;
    }
    const turn = Promise.withResolvers<void>();
    const begin = () => {
      this.#running++;
      turn.resolve();
    };
    const giveUp = () => {
      const place = this.#waiting.indexOf(begin);
      if (place >= 0) this.#waiting.splice(place, 1);
      turn.reject(signal.reason);
    };
    this.#waiting.push(begin);
    signal.addEventListener('abort', giveUp, { once: true });
    await turn.promise.finally(() => signal.removeEventListener('abort', giveUp));
    return true;
  }

  #limit(): number {
    const { serializeImagePulls, maxParallelImagePulls } = this.#options;
    return serializeImagePulls ? 1 : (maxParallelImagePulls ?? Number.POSITIVE_INFINITY);
  }
}
