import { mkdir } from 'node:fs/promises';
import type { Event, Node, Pod } from '@berth/api/objects';
import { neverAborted, onAbort } from '@berth/sdk/abort';
import type { DeviceResourceState } from './device-manager/device-resource-state.ts';
import { endPods } from './end-pods.ts';
import { defaultEviction } from './eviction/eviction-manager.ts';
import { explainPod } from './explain/explain-pod.ts';
import type { Explanation } from './explain/explanation.ts';
import type { KubeletOptions, StopOptions } from './kubelet-options.ts';
import { KubeletParts } from './kubelet-parts.ts';
import type { RuntimeCounts } from './pleg/runtime-contents.ts';
import { uidOf } from './pod.ts';
import type { StatusListener } from './reports/pod-reports.ts';
import { reservedOf } from './topology-manager/reserved.ts';

export type { KubeletOptions } from './kubelet-options.ts';

/** The node agent: takes pods from its sources and keeps them running in the runtimes, over CRI. */
export class Kubelet {
  readonly #options: KubeletOptions;
  readonly #parts: KubeletParts;
  readonly #loopEnd = new AbortController();
  #loopDone: Promise<unknown> | undefined;

  constructor(options: KubeletOptions) {
    this.#options = options;
    this.#parts = new KubeletParts(options, this);
  }

  /** Serves, and begins to run pods. */
  async start(): Promise<void> {
    const {
      memories,
      resourceManagers,
      devices,
      eviction,
      node,
      server,
      gc,
      environment,
      workers,
      shutdown,
      loop,
      cluster,
      clusterReports,
      logs,
    } = this.#parts;
    const { evictionHard } = { ...defaultEviction, ...this.#options.eviction };
    await mkdir(this.#options.kubeletRoot, { recursive: true, mode: 0o750 });
    await mkdir(this.#options.podLogsDir, { recursive: true });
    memories.load();
    shutdown.start();
    devices.start();
    await resourceManagers.start(reservedOf(node.resources, evictionHard), this.#options.topologyRoots);
    for (const pod of memories.restoredPods()) resourceManagers.adopt(pod);
    await node.presence.start();
    await devices.listen();
    await server.listen();
    gc.start();
    const { signal } = this.#loopEnd;
    onAbort(
      [signal],
      environment.objects.onChange((...object) => workers.objectChanged(...object)),
    );
    const parts = [loop, cluster, clusterReports, logs, node.presence, resourceManagers, devices, eviction];
    this.#loopDone = Promise.all(parts.map((part) => part?.run(signal)));
  }

  /** Ends the kubelet. Gives a message for each pod that didn't end. */
  async stop({ removePods, nodeShutsDown = false, hurry = neverAborted }: StopOptions): Promise<string[]> {
    const { workers, clock, requestTimeoutMs, node, devices, shutdown, gc, volumes, memories, server } = this.#parts;
    const left = removePods ? await endPods(workers, { clock, requestTimeoutMs, hurry }) : [];
    if (nodeShutsDown && shutdown.enabled) left.push(...(await shutdown.run(hurry)));
    await workers.haltAll();
    this.#loopEnd.abort();
    await this.#loopDone;
    // The loop would make it anew.
    if (removePods) await node.cgroups?.removeRoot();
    await gc.stop();
    await volumes.settled();
    await memories.flush();
    await devices.close();
    await server.close();
    return left;
  }

  /** Every pod with spec and status. */
  pods(): Pod[] {
    return this.#parts.workers.pods();
  }

  /** What the sources couldn't make a pod of: a message each, with file, line and field. */
  sourceProblems(): string[] {
    return this.#parts.loop.problems;
  }

  /** Every source has been read once: what `pods()` and `sourceProblems()` say is all there is. */
  sourcesReady(): boolean {
    return this.#parts.loop.sourcesReady;
  }

  /** What each runtime has, ready sandboxes and containers, as its lists and events tell. */
  runtimeCounts(): RuntimeCounts[] {
    return this.#parts.loop.runtimeCounts();
  }

  /** What is wrong with the sync loop or a runtime, a message each; none: the node is healthy, as far as that goes. */
  unhealthy(): string[] {
    return this.#parts.loop.unhealthy();
  }

  events(): Event[] {
    return this.#parts.events.list();
  }

  /**
   * Called with each pod whose status has changed or that has ended, and without one when a source has been read. The returned function
   * takes it back.
   */
  onStatus(listener: StatusListener): () => void {
    return this.#parts.reports.onStatus(listener);
  }

  /** The node's own object. */
  self(): Node {
    return this.#parts.node.presence.node;
  }

  /** Each resource of device plugins, as far as the node's object doesn't tell it. */
  devices(): DeviceResourceState[] {
    return this.#parts.devices.manager.states();
  }

  /** How far the pod has come, and what it waits for. */
  explain(pod: Pod): Explanation {
    const { workers, traces, backOff, clock } = this.#parts;
    return explainPod(pod, { worker: workers.get(uidOf(pod)), traces, backOff, now: clock.now() });
  }
}
