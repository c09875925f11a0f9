import type { Pod, PodStatus } from '@berth/api/objects';
import { inTrace, newSpan } from '@berth/sdk/trace-context';
import type { Logger } from 'pino';
import type { ActionContext } from '../actions/action-context.ts';
import type { PodAdmission } from '../admission/pod-admission.ts';
import { unknownPriorityClass } from '../admission/unknown-priority-class.ts';
import type { PodMemories } from '../checkpoint/pod-memories.ts';
import { memoryOf, type PodMemory } from '../checkpoint/pod-memory.ts';
import type { Clock } from '../clock.ts';
import type { DeviceManager } from '../device-manager/device-manager.ts';
import type { KubeletNode } from '../kubelet-node.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import type { PodStartLatency } from '../metrics/pod-start-latency.ts';
import type { NodeEnvironment } from '../node-environment.ts';
import type { BackOff } from '../plan/back-off.ts';
import type { Refusal } from '../plan/observed-pod.ts';
import { fullNameOf, uidOf } from '../pod.ts';
import type { PodDirectories } from '../pod-directories.ts';
import type { PodEvents } from '../pod-events.ts';
import type { Probes } from '../probes/probes.ts';
import type { ResizeAdmission } from '../resize/resize-admission.ts';
import type { NodeRuntimes } from '../runtime/node-runtimes.ts';
import type { RuntimeClient } from '../runtime/runtime-client.ts';
import type { ResourceManagers } from '../topology-manager/resource-managers.ts';
import type { PodTraces } from '../trace/pod-traces.ts';
import type { NodeVolumes } from '../volumes/node-volumes.ts';
import { PodWorker } from './pod-worker.ts';

/** What of the node a worker works with. */
interface WorkerFactoryOptions {
  runtimes: NodeRuntimes;
  node: KubeletNode;
  resourceManagers: ResourceManagers;
  devices: DeviceManager;
  environment: NodeEnvironment;
  directories: PodDirectories;
  volumes: NodeVolumes;
  admission: PodAdmission;
  /** Asked of pods that ran when the kubelet was started, instead. */
  readmission: PodAdmission;
  memories: PodMemories;
  probes: Probes;
  events: PodEvents;
  traces: PodTraces;
  metrics: KubeletMetrics;
  starts: PodStartLatency;
  clock: Clock;
  log: Logger;
  backOff: BackOff;
  requestTimeoutMs: number;
  /** Undefined: what fits on the node. */
  admitResize?: ResizeAdmission | undefined;
  /** The pods whose resources are taken. */
  activePods(): Pod[];
  /** The pod as it was told last. */
  statusOf(pod: Pod): PodStatus | undefined;
  /** Called when the status of the pod, as it is by now, has changed. */
  onStatus(pod: Pod, status: PodStatus): void;
}

/** Makes the worker of a pod: finds its runtime, and asks whether the node may run it. */
export class WorkerFactory {
  readonly #options: WorkerFactoryOptions;

  constructor(options: WorkerFactoryOptions) {
    this.#options = options;
  }

  /** `foundIn` is the handler of a pod that a runtime has, and no source. */
  create(asked: Pod, foundIn: string | undefined): PodWorker {
    const { runtimes, memories, environment, starts, traces, probes, backOff, clock, log, metrics } = this.#options;
    const found = foundIn === undefined ? runtimes.admit(asked) : { pod: asked, client: runtimes.get(foundIn) };
    const restored = memories.restored(uidOf(asked));
    const { pod, client, refusal = foundIn === undefined ? this.#admit(pod, restored) : undefined } = found;
    const ends = foundIn !== undefined || (restored !== undefined && isEnding(restored));
    const devicesPending = !refusal && !ends && this.#options.devices.hasPending(pod);
    if (refusal) metrics.admission.rejected(refusal.reason);
    for (const warning of [refusal, restored ? undefined : unknownPriorityClass(pod)])
      if (warning) this.#options.events.record(pod, 'Warning', warning.reason, warning.message);
    const worker = new PodWorker({
      probes,
      backOff,
      clock,
      log,
      metrics,
      context: this.#contextOf(pod, client),
      admitResize: (changed) => this.#admitResize(changed),
      hostIP: environment.hostIPs()[0],
      refusal,
      devicesPending,
      restored,
      onStatus: (current, status) => {
        if (!worker.finished) memories.remember(uidOf(current), () => memoryOf(worker, clock.now()));
        this.#options.onStatus(current, status);
      },
    });
    starts.seen(pod);
    traces.register(worker.trace.traceId, fullNameOf(pod));
    if (devicesPending) inTrace(newSpan(worker.trace), () => this.#options.devices.beginAllocate(pod));
    return worker;
  }

  /** A pod that ran keeps what it was given, and one that has ended, or is to, needs nothing more. */
  #admit(pod: Pod, restored: PodMemory | undefined): Refusal | undefined {
    const { admission, readmission, activePods } = this.#options;
    if (restored && isEnding(restored)) return undefined;
    return (restored ? readmission : admission).admit({ pod, others: activePods() });
  }

  #admitResize(changed: Pod): ReturnType<ResizeAdmission> {
    const { resourceManagers, node, admitResize = (pod) => node.admitResize(pod) } = this.#options;
    return resourceManagers.refuseResize(changed) ?? admitResize(changed);
  }

  #contextOf(pod: Pod, client: RuntimeClient): ActionContext {
    const { node, resourceManagers, devices, volumes, directories, events, log, environment, requestTimeoutMs } = this.#options;
    return {
      pod,
      client,
      directories,
      events,
      log,
      environment,
      requestTimeoutMs,
      devices,
      volumes: volumes.ofPods,
      cgroups: node.cgroups,
      assignmentOf: (container) => resourceManagers.assignmentOf(pod, container),
      containerResourcesOptions: () => node.containerResourcesOptions(),
      podIP: () => this.#options.statusOf(pod)?.podIP,
    };
  }
}

function isEnding({ status, deadline, observed }: PodMemory): boolean {
  return deadline !== undefined || observed.eviction !== undefined || ['Succeeded', 'Failed'].includes(status?.phase ?? '');
}
