import type { Pod } from '@berth/api/objects';
import { Bell } from '@berth/sdk/bell';
import { PluginError } from '@berth/sdk/errors';
import type { Logger } from 'pino';
import type { ClusterApi } from '../api/cluster-api.ts';
import type { Clock } from '../clock.ts';
import { fullNameOf, isStaticPod, uidOf } from '../pod.ts';
import { ApiSource } from './api-source.ts';
import { planMirrors } from './plan-mirrors.ts';

/** Whose pods are kept in step with the API. */
interface ClusterPodsOptions {
  api: ClusterApi;
  nodeName: string;
  clock: Clock;
  log: Logger;
}

/** What failed is tried again after this; a call that takes longer has failed. */
const retryMs = 10_000;
const callLimitMs = 10_000;

/**
 * The node's pods in the cluster's API: those bound to it are a source; its static pods get mirrors there; and what was deleted there is removed once
 * it has ended here.
 */
export class ClusterPods {
  /** The pods that the cluster has bound to the node. */
  readonly source: ApiSource;
  readonly #options: ClusterPodsOptions;
  readonly #due = new Bell();
  #statics: Pod[] = [];
  /** Undefined until the API has been read. */
  #mirrors: Pod[] | undefined;
  /** Pods of the API that have ended, by uid. */
  readonly #ended = new Map<string, Pod>();

  constructor(options: ClusterPodsOptions) {
    this.#options = options;
    this.source = new ApiSource(options.api, options.nodeName, (mirrors) => {
      this.#mirrors = mirrors;
      this.#due.ring();
    });
  }

  /** These pods run on the node, or are to; the static ones among them are shown in the API. */
  show(pods: readonly Pod[]): void {
    this.#statics = pods.filter(isStaticPod);
    this.#due.ring();
  }

  /** The pod has ended and left nothing behind. One that was deleted in the API is removed there. */
  ended(pod: Pod): void {
    if (isStaticPod(pod)) return;
    this.#ended.set(uidOf(pod), pod);
    this.#due.ring();
  }

  /** How many of the node's static pods the API shows. */
  get mirrorCount(): number {
    return this.#mirrors?.length ?? 0;
  }

  /** The pod as the API knows it: itself, or the mirror of a static one; undefined while that has none. */
  inApi(pod: Pod): Pod | undefined {
    if (!isStaticPod(pod)) return pod;
    return this.#mirrors?.find((mirror) => fullNameOf(mirror) === fullNameOf(pod));
  }

  /** Until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      await this.#due.wait(signal);
      const failed = !signal.aborted && !(await this.#settle(signal));
      if (failed) clock.after(retryMs, () => this.#due.ring());
    }
  }

  /** Whether everything that there was to do has succeeded. */
  async #settle(signal: AbortSignal): Promise<boolean> {
    const { api } = this.#options;
    const done: boolean[] = [];
    for (const [uid, pod] of [...this.#ended]) {
      const removed = await this.#try(`remove pod ${fullNameOf(pod)} from the API`, (limit) => api.deletePod(pod, limit), signal);
      if (removed) this.#ended.delete(uid);
      done.push(removed);
    }
    const { create, remove } = this.#mirrors ? planMirrors(this.#statics, this.#mirrors) : { create: [], remove: [] };
    for (const mirror of remove)
      done.push(await this.#try(`remove mirror pod ${fullNameOf(mirror)}`, (limit) => api.deletePod(mirror, limit), signal));
    for (const mirror of create)
      done.push(await this.#try(`make mirror pod ${fullNameOf(mirror)}`, (limit) => api.createPod(mirror, limit), signal));
    return done.every(Boolean);
  }

  async #try(what: string, call: (limit: AbortSignal) => Promise<unknown>, signal: AbortSignal): Promise<boolean> {
    try {
      await call(AbortSignal.any([signal, AbortSignal.timeout(callLimitMs)]));
      return true;
    } catch (thrown) {
      const { code, message } = PluginError.from(thrown);
      // Somebody was quicker, which the API will tell.
      if (code === 'NOT_FOUND' || code === 'ALREADY_EXISTS' || code === 'ABORTED') return true;
      if (!signal.aborted) this.#options.log.warn({ reason: message }, `can't ${what}`);
      return false;
    }
  }
}
