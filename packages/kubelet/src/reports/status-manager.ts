import type { Pod } from '@berth/api/objects';
import { Bell } from '@berth/sdk/bell';
import { PluginError } from '@berth/sdk/errors';
import type { Logger } from 'pino';
import type { ClusterApi } from '../api/cluster-api.ts';
import type { Clock } from '../clock.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import { fullNameOf, uidOf } from '../pod.ts';

export interface StatusManagerOptions {
  api: ClusterApi;
  metrics: Pick<KubeletMetrics, 'podStatusSyncDuration'>;
  clock: Clock;
  log: Logger;
  /** The pod as the API knows it: itself, or the mirror of a static one; undefined while that has none. */
  inApi(pod: Pod): Pod | undefined;
}

/** What is to be told of a pod. */
interface Report {
  pod: Pod;
  /** When the first change came that the API hasn't been told of, in milliseconds. */
  since: number;
  /** The uid in the API of the pod that has been told it; a new mirror hasn't. */
  toldTo?: string;
  /** Not to be tried before, after a failure. */
  notBefore?: number;
  failures: number;
}

/** kubelet's syncPeriod: what has no place in the API yet, as a static pod without its mirror, is looked at again after this. */
const syncMs = 10_000;
const firstRetryMs = 1000;
const callLimitMs = 10_000;

/** Tells the API what becomes of the pods: of each the latest only, in the order in which they changed, and again after a failure. */
export class StatusManager {
  readonly #options: StatusManagerOptions;
  /** By uid of the pod on the node; what has changed last stands last. */
  readonly #reports = new Map<string, Report>();
  readonly #bell = new Bell();
  /** The uid of the pod whose status is on its way. */
  #telling: string | undefined;

  constructor(options: StatusManagerOptions) {
    this.#options = options;
  }

  /** The pod has this status now. */
  update(pod: Pod): void {
    const uid = uidOf(pod);
    const before = this.#reports.get(uid);
    // One that waits already keeps its turn.
    if (!before || before.toldTo !== undefined || this.#telling === uid) this.#reports.delete(uid);
    this.#reports.set(uid, {
      pod,
      since: before && before.toldTo === undefined ? before.since : this.#options.clock.now().getTime(),
      failures: before?.failures ?? 0,
      ...(before?.notBefore !== undefined && { notBefore: before.notBefore }),
    });
    this.#bell.ring();
  }

  /** The pod is gone, and its last status has been told or never will be. */
  forget(uid: string): void {
    this.#reports.delete(uid);
  }

  /** Until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      for (const [uid, report] of [...this.#reports]) await this.#tell(uid, report, signal);
      const cancel = this.#options.clock.after(this.#pauseMs(), () => this.#bell.ring());
      await this.#bell.wait(signal);
      cancel();
    }
  }

  async #tell(uid: string, report: Report, signal: AbortSignal): Promise<void> {
    const { api, clock, inApi } = this.#options;
    const known = inApi(report.pod);
    if (!known || report.toldTo === uidOf(known) || signal.aborted || (report.notBefore ?? 0) > clock.now().getTime()) return;
    // A newer one has come while others were told.
    if (this.#reports.get(uid) !== report) return;
    this.#telling = uid;
    try {
      await api.updatePodStatus({ ...known, status: report.pod.status }, AbortSignal.any([signal, AbortSignal.timeout(callLimitMs)]));
      this.#options.metrics.podStatusSyncDuration.observe((clock.now().getTime() - report.since) / 1000);
      this.#settled(uid, report, { ...report, toldTo: uidOf(known), failures: 0 });
    } catch (thrown) {
      if (!signal.aborted) this.#failed(uid, report, uidOf(known), PluginError.from(thrown));
    } finally {
      this.#telling = undefined;
    }
  }

  /** A pod that is gone needs no status; anything else is tried again. */
  #failed(uid: string, report: Report, toldTo: string, { code, message }: PluginError): void {
    if (code === 'NOT_FOUND') {
      this.#settled(uid, report, { ...report, toldTo });
      return;
    }
    const { clock, log } = this.#options;
    const failures = report.failures + 1;
    const retryMs = Math.min(firstRetryMs * 2 ** (failures - 1), syncMs);
    log.warn({ pod: fullNameOf(report.pod), retryMs }, `can't tell the pod's status: ${message}`);
    this.#settled(uid, report, { ...report, failures, notBefore: clock.now().getTime() + retryMs });
  }

  /** Unless there is something newer to tell. */
  #settled(uid: string, report: Report, after: Report): void {
    if (this.#reports.get(uid) === report) this.#reports.set(uid, after);
  }

  #pauseMs(): number {
    const now = this.#options.clock.now().getTime();
    const waits = [...this.#reports.values()].flatMap(({ notBefore = 0 }) => (notBefore > now ? [notBefore - now] : []));
    return Math.min(syncMs, ...waits);
  }
}
