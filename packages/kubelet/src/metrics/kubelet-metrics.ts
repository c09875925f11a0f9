import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { kubernetesVersion } from '../kubernetes-version.ts';
import { AdmissionMetrics } from './admission-metrics.ts';
import { ContainerStarts } from './container-starts.ts';
import { DeviceMetrics } from './device-metrics.ts';
import { HttpMetrics } from './http-metrics.ts';
import { PodResourcesMetrics } from './pod-resources-metrics.ts';
import { addProcessMetrics } from './process-metrics.ts';
import { ResourceManagerMetrics } from './resource-manager-metrics.ts';
import { RuntimeOperations } from './runtime-operations.ts';
import { HealthSlis } from './slis.ts';
import { StorageOperations } from './storage-operations.ts';

/** Prometheus' own default. */
const shortBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** From the start of a pod, as kubelet divides it. */
const startBuckets = [0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600];

/**
 * kubelet's figures of itself, under kubelet's names (pkg/kubelet/metrics), so that dashboards and alerts made for it work. Parts are handed this
 * and count in its members; times are in seconds, where a name doesn't say otherwise. One of it for each kubelet.
 */
export class KubeletMetrics {
  /** `/metrics` */
  readonly registry = new Registry();
  /** `/metrics/probes`: probes count in a registry of their own. */
  readonly probes = new Registry();
  /** `/metrics/slis` */
  readonly slis = new HealthSlis();
  readonly runtimeOperations: RuntimeOperations;
  readonly admission: AdmissionMetrics;
  readonly containerStarts: ContainerStarts;
  readonly storageOperations: StorageOperations;
  readonly resourceManagers: ResourceManagerMetrics;
  readonly devices: DeviceMetrics;
  readonly podResources: PodResourcesMetrics;
  readonly http: HttpMetrics;
  /** From when the kubelet first saw a pod until its containers run. */
  readonly podStartDuration = this.#histogram('kubelet_pod_start_duration_seconds', 'From first seeing a pod until it runs.', startBuckets);
  /** The same without the pulls of its images. */
  readonly podStartSliDuration = this.#histogram(
    'kubelet_pod_start_sli_duration_seconds',
    'From first seeing a pod until it runs, without the pulls of images.',
    startBuckets,
  );
  /** One sync of a pod's worker, by `operation_type`: `create`, `sync`, `kill`. */
  readonly podWorkerDuration = this.#histogram('kubelet_pod_worker_duration_seconds', 'One sync of a pod.', shortBuckets, [
    'operation_type',
  ]);
  /** From first seeing a pod until its worker begins. */
  readonly podWorkerStartDuration = this.#histogram(
    'kubelet_pod_worker_start_duration_seconds',
    'From first seeing a pod until its worker begins.',
    shortBuckets,
  );
  /** Of each pod whose worker begins. */
  readonly containersPerPod = this.#histogram('kubelet_containers_per_pod_count', 'How many containers pods have.', [1, 2, 4, 8, 16]);
  /** Pods that a runtime had and nobody wanted. */
  readonly orphanedRuntimePods = this.#counter('kubelet_orphaned_runtime_pods_total', 'Pods found in a runtime that nobody wanted.');
  /** In the last sweep. */
  readonly orphanPodCleanedVolumes = this.#gauge(
    'kubelet_orphan_pod_cleaned_volumes',
    'Pods that nobody knows whose volumes the last sweep was to remove.',
  );
  readonly orphanPodCleanedVolumesErrors = this.#gauge(
    'kubelet_orphan_pod_cleaned_volumes_errors',
    'Those of them whose volumes could not be removed.',
  );
  /** By `reason`: `age`, `space`. */
  readonly imagesCollected = this.#counter('kubelet_image_garbage_collected_total', 'Images removed since nobody uses them.', ['reason']);
  /** Runs of credential provider plugins, by `plugin_name`. */
  readonly credentialPluginDuration = this.#histogram(
    'kubelet_credential_provider_plugin_duration',
    'How long credential provider plugins ran.',
    shortBuckets,
    ['plugin_name'],
  );
  readonly credentialPluginErrors = this.#counter(
    'kubelet_credential_provider_plugin_errors_total',
    'Runs of credential provider plugins that failed.',
    ['plugin_name'],
  );
  /** From a pod's first change that the API hasn't been told until it has. */
  readonly podStatusSyncDuration = this.#histogram(
    'kubelet_pod_status_sync_duration_seconds',
    'From a change of a pod’s status until the API has it.',
    [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 20, 30, 45, 60],
  );
  /** Changes of pods' cgroups, by `operation_type`: `create`, `update`, `destroy`. */
  readonly cgroupManagerDuration = this.#histogram('kubelet_cgroup_manager_duration_seconds', 'Changes of pods’ cgroups.', shortBuckets, [
    'operation_type',
  ]);
  readonly plegRelistDuration = this.#histogram(
    'kubelet_pleg_relist_duration_seconds',
    'One list of everything in a runtime.',
    shortBuckets,
  );
  readonly plegRelistInterval = this.#histogram(
    'kubelet_pleg_relist_interval_seconds',
    'Between two lists of everything in a runtime.',
    shortBuckets,
  );
  /** Unix time. */
  readonly plegLastSeen = this.#gauge('kubelet_pleg_last_seen_seconds', 'When a runtime was last listed, as Unix time.');
  /** By `eviction_signal`. */
  readonly evictions = this.#counter('kubelet_evictions', 'Pods evicted, by signal.', ['eviction_signal']);
  /** Unix times; 0: there was none. */
  readonly gracefulShutdownStart = this.#gauge(
    'kubelet_graceful_shutdown_start_time_seconds',
    'When the last graceful shutdown began, as Unix time.',
  );
  readonly gracefulShutdownEnd = this.#gauge(
    'kubelet_graceful_shutdown_end_time_seconds',
    'When the last graceful shutdown ended, as Unix time.',
  );
  readonly syncLoopLongestStall = this.#gauge('berth_sync_loop_longest_stall_seconds', 'The longest that the sync loop was held up.');

  constructor({ nodeName, version = kubernetesVersion }: { nodeName: string; version?: string }) {
    this.runtimeOperations = new RuntimeOperations(this.registry);
    this.admission = new AdmissionMetrics(this.registry);
    this.containerStarts = new ContainerStarts(this.registry);
    this.resourceManagers = new ResourceManagerMetrics(this.registry);
    this.storageOperations = new StorageOperations(this.registry);
    this.devices = new DeviceMetrics(this.registry);
    this.podResources = new PodResourcesMetrics(this.registry);
    this.http = new HttpMetrics(this.registry);
    addProcessMetrics(this.registry);
    this.#gauge('kubelet_node_name', 'The node’s name; always 1.', ['node']).set({ node: nodeName }, 1);
    const [major = '', minor = ''] = version.split('.');
    const build = { major, minor, git_version: `v${version}`, platform: `${process.platform}/${process.arch}` };
    this.#gauge('kubernetes_build_info', 'What was built; always 1.', Object.keys(build)).set(build, 1);
  }

  #histogram(name: string, help: string, buckets: number[], labelNames: string[] = []): Histogram {
    return new Histogram({ name, help, buckets, labelNames, registers: [this.registry] });
  }

  #gauge(name: string, help: string, labelNames: string[] = []): Gauge {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }

  #counter(name: string, help: string, labelNames: string[] = []): Counter {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }
}
