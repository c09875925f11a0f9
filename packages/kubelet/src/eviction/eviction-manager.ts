import type { Pod, Taint } from '@berth/api/objects';
import { toleratesTaint } from '@berth/api/tolerations';
import { PluginError } from '@berth/sdk/errors';
import type { Logger } from 'pino';
import type { AdmitHandler, AdmitRequest } from '../admission/admit-handler.ts';
import { hasSystemPriority, isCriticalPod } from '../admission/critical-pod.ts';
import type { Clock } from '../clock.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import type { PressureProvider } from '../node-status/pressure-provider.ts';
import type { Eviction, Refusal } from '../plan/observed-pod.ts';
import { qosClassOf } from '../plan/qos-class.ts';
import { fullNameOf, specOf, uidOf } from '../pod.ts';
import type { StatsProvider } from '../stats/stats-provider.ts';
import type { Summary } from '../stats/summary.ts';
import { untilDue } from '../until-due.ts';
import { layoutOf, partsOn, reclaimableOn } from './disk-layout.ts';
import { evictionMessage } from './eviction-message.ts';
import { limitsStorage, storageExcess } from './local-storage.ts';
import type { NodeReclaim } from './node-reclaim.ts';
import { isMet, nextPressure, noPressure, type Pressure } from './pressure.ts';
import { rankPods, type StatsByPod } from './rank-pods.ts';
import { observe, type PressureCondition, resourceOf } from './signals.ts';
import { type EvictionThresholds, readThresholds, type Threshold } from './thresholds.ts';

/** Named after the fields of KubeletConfiguration. */
export interface EvictionOptions extends EvictionThresholds {
  /** The most seconds that a pod gets when a soft threshold is met. */
  evictionMaxPodGracePeriod: number;
  /** How long a condition goes on after it was seen last, in milliseconds. */
  evictionPressureTransitionPeriodMs: number;
  /** Whether the limits of pods' own files hold. */
  localStorageCapacityIsolation: boolean;
  /** How often the node is looked at, in milliseconds. */
  monitoringIntervalMs: number;
}

/** kubelet's, but for its thresholds (`configuration/`): without any, only the limits of pods' own files are watched. */
export const defaultEviction: EvictionOptions = {
  evictionHard: {},
  evictionSoft: {},
  evictionSoftGracePeriodMs: {},
  evictionMinimumReclaim: {},
  evictionMaxPodGracePeriod: 0,
  evictionPressureTransitionPeriodMs: 5 * 60 * 1000,
  localStorageCapacityIsolation: true,
  monitoringIntervalMs: 10_000,
};

/** What eviction knows and does of the rest of the node. */
interface EvictableNode {
  stats: Pick<StatsProvider, 'summary'>;
  reclaim: NodeReclaim;
  /** The pods that were admitted and haven't ended. */
  activePods(): Pod[];
  /** Whether these are all: before that nobody can tell which pod is to end first. */
  sourcesReady(): boolean;
  /** Ends a pod, which stays as a failed one, and says so in an event. */
  evict(pod: Pod, eviction: Eviction): void;
  /** Tells a warning of the node itself. */
  warn(reason: string, message: string): void;
  /** Whether there is an API server, so that static pods are something special. */
  inCluster: boolean;
  metrics: Pick<KubeletMetrics, 'evictions'>;
  clock: Clock;
  log: Logger;
}

/** That of a node that is short of memory; who tolerates it is taken all the same. */
const memoryPressureTaint: Taint = { key: 'node.kubernetes.io/memory-pressure', effect: 'NoSchedule' };
/** Seconds that a pod gets when the node can't wait. */
const hardGracePeriodSeconds = 1;
/** How long an evicted pod's end is waited for before the node is looked at again. */
const cleanUpTimeoutMs = 30_000;
const cleanUpPollMs = 1000;
const sourcesPollMs = 100;
/** Longer than this and the figures are of no use any more. */
const figuresTimeoutMs = 60_000;

/** Watches what the node has left, tells of pressure, and evicts pods before the kernel would kill processes. */
export class EvictionManager implements AdmitHandler, PressureProvider {
  readonly #options: EvictionOptions;
  readonly #thresholds: Threshold[];
  readonly #node: EvictableNode;
  #pressure: Pressure = noPressure;
  /** Uids of evicted pods that haven't ended. */
  #ending = new Set<string>();

  /** INVALID_ARGUMENT for thresholds that aren't any. */
  constructor(options: EvictionOptions, node: EvictableNode) {
    this.#options = options;
    this.#thresholds = readThresholds(options);
    this.#node = node;
  }

  /** What the node is short of, or was within the transition period. */
  get conditions(): PressureCondition[] {
    return this.#pressure.conditions;
  }

  /** The same for the node's own conditions. */
  pressure(): ReturnType<PressureProvider['pressure']> {
    const { conditions } = this;
    return {
      memory: conditions.includes('MemoryPressure'),
      disk: conditions.includes('DiskPressure'),
      pid: conditions.includes('PIDPressure'),
    };
  }

  /** A node under pressure takes no pods; one that is short of memory alone takes those that request some. */
  admit({ pod }: AdmitRequest): Refusal | undefined {
    const { conditions } = this;
    if (conditions.length === 0 || this.#isCritical(pod)) return undefined;
    if (conditions.every((condition) => condition === 'MemoryPressure')) {
      const tolerates = specOf(pod).tolerations?.some((toleration) => toleratesTaint(toleration, memoryPressureTaint));
      if (qosClassOf(pod) !== 'BestEffort' || tolerates) return undefined;
    }
    return { reason: 'Evicted', message: `The node had condition: [${conditions.join(' ')}]. ` };
  }

  /** Looks again and again until `signal` aborts; doesn't throw. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#node;
    while (!signal.aborted && !this.#node.sourcesReady()) await untilDue(clock, sourcesPollMs, signal);
    while (!signal.aborted) {
      const evicted = await this.synchronize(signal).catch((thrown: unknown) => this.#failed(thrown, signal));
      if (evicted > 0) await this.#untilEnded(signal);
      else await untilDue(clock, this.#options.monitoringIntervalMs, signal);
    }
  }

  /** One look at the node, with what follows from it. Gives the number of pods that were evicted. */
  async synchronize(signal: AbortSignal): Promise<number> {
    const active = this.#active();
    const limited = this.#options.localStorageCapacityIsolation ? active.filter(limitsStorage) : [];
    if (this.#thresholds.length === 0 && limited.length === 0) return 0;
    const summary = await this.#summary(signal);
    const observations = observe(summary);
    const now = this.#node.clock.now();
    this.#pressure = nextPressure(this.#pressure, this.#thresholds, observations, now, this.#options.evictionPressureTransitionPeriodMs);
    const overLimit = this.#evictOverLimit(limited, summary);
    const [threshold] = this.#pressure.acting;
    if (overLimit > 0 || !threshold) return overLimit;
    this.#node.warn('EvictionThresholdMet', `Attempting to reclaim ${resourceOf(threshold.signal)}`);
    if (await this.#reclaimOfNode(threshold, summary, signal)) return 0;
    return this.#evictFirst(threshold, summary) ? 1 : 0;
  }

  /** Evicts every pod whose files exceed their own limits. */
  #evictOverLimit(limited: Pod[], summary: Summary): number {
    const stats = statsByPod(summary);
    const dedicatedImageFs = layoutOf(summary) !== 'one';
    return limited.filter((pod) => {
      const figures = stats.get(uidOf(pod));
      const excess = figures && storageExcess(pod, figures, dedicatedImageFs);
      return excess && this.#evict(pod, excess.signal, { message: excess.message, gracePeriodSeconds: hardGracePeriodSeconds });
    }).length;
  }

  /** Removes what no pod needs, and says whether that was enough. */
  async #reclaimOfNode(threshold: Threshold, summary: Summary, signal: AbortSignal): Promise<boolean> {
    const kinds = reclaimableOn(threshold.signal, layoutOf(summary));
    if (kinds.includes('containers')) await this.#node.reclaim.removeUnusedContainers(signal);
    if (kinds.includes('images')) await this.#node.reclaim.removeUnusedImages(signal);
    if (kinds.length === 0) return false;
    const observations = observe(await this.#summary(signal));
    return !this.#pressure.acting.some((each) => isMet(each, observations, true));
  }

  /** Evicts the first pod of the ranking that may be. */
  #evictFirst(threshold: Threshold, summary: Summary): boolean {
    const resource = resourceOf(threshold.signal);
    const stats = statsByPod(summary);
    const ranked = rankPods(this.#active(), stats, resource, partsOn(threshold.signal, layoutOf(summary)));
    for (const pod of ranked) {
      const message = evictionMessage(resource, pod, stats.get(uidOf(pod)), this.#pressure.acting, observe(summary));
      const eviction = { message, disruption: message, gracePeriodSeconds: this.#graceOf(pod, threshold) };
      if (this.#evict(pod, threshold.signal, eviction)) return true;
    }
    this.#node.log.warn({ signal: threshold.signal }, 'no pod can be evicted');
    return false;
  }

  #graceOf(pod: Pod, { gracePeriodMs }: Threshold): number {
    if (gracePeriodMs === 0) return hardGracePeriodSeconds;
    const { evictionMaxPodGracePeriod: most } = this.#options;
    return Math.min(most, specOf(pod).terminationGracePeriodSeconds ?? most);
  }

  /** Whether the pod was evicted: a critical one never is. */
  #evict(pod: Pod, signal: string, eviction: Omit<Eviction, 'reason'>): boolean {
    if (this.#isCritical(pod)) {
      this.#node.log.warn({ pod: fullNameOf(pod) }, "a critical pod isn't evicted");
      return false;
    }
    this.#ending.add(uidOf(pod));
    this.#node.evict(pod, { reason: 'Evicted', ...eviction });
    this.#node.metrics.evictions.inc({ eviction_signal: signal });
    return true;
  }

  /** In a cluster nobody else could run a static pod; on a node by itself all pods are static, and none would ever be evicted. */
  #isCritical(pod: Pod): boolean {
    return this.#node.inCluster ? isCriticalPod(pod) : hasSystemPriority(pod);
  }

  /** Those that aren't evicted already. */
  #active(): Pod[] {
    const active = this.#node.activePods();
    const uids = new Set(active.map(uidOf));
    this.#ending = new Set([...this.#ending].filter((uid) => uids.has(uid)));
    return active.filter((pod) => !this.#ending.has(uidOf(pod)));
  }

  async #untilEnded(signal: AbortSignal): Promise<void> {
    const { clock } = this.#node;
    const deadline = clock.now().getTime() + cleanUpTimeoutMs;
    while (!signal.aborted && this.#ending.size > 0 && clock.now().getTime() < deadline) {
      await untilDue(clock, cleanUpPollMs, signal);
      this.#active();
    }
  }

  async #summary(signal: AbortSignal): Promise<Summary> {
    return this.#node.stats.summary({ maxAgeMs: 0, signal: AbortSignal.any([signal, AbortSignal.timeout(figuresTimeoutMs)]) });
  }

  #failed(thrown: unknown, signal: AbortSignal): number {
    if (!signal.aborted) this.#node.log.error({ err: thrown }, `the node can't be watched: ${PluginError.from(thrown).message}`);
    return 0;
  }
}

function statsByPod({ pods }: Summary): StatsByPod {
  return new Map(pods.map((pod) => [pod.podRef.uid, pod]));
}
