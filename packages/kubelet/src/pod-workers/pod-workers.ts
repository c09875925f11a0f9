import type { Pod } from '@berth/api/objects';
import type { PodMemory } from '../checkpoint/pod-memory.ts';
import type { Clock } from '../clock.ts';
import type { Eviction } from '../plan/observed-pod.ts';
import type { ListedPod } from '../pleg/runtime-contents.ts';
import { apiTime, fullNameOf, gracePeriodOf, leastGraceSeconds, specOf, uidOf } from '../pod.ts';
import { refersTo } from '../referred-names.ts';
import type { ReferredObjects } from '../sources/object-source.ts';
import type { PodWorker } from './pod-worker.ts';

interface PodWorkersOptions {
  clock: Clock;
  /** What a kubelet before this one remembered of its pods, until it is asked to forget it. */
  remembered: { restored(uid: string): PodMemory | undefined; restoredUids(): string[]; forget(uid: string): void };
  /** A worker for a pod, not yet started. `handler` is given for a pod that was found in that runtime. */
  create(pod: Pod, handler?: string): PodWorker;
  /** The pod with what its admission adds to it. */
  asAdmitted(pod: Pod): Pod;
  /** Something was made for the pod already, by this kubelet or one before it. */
  begunBefore(pod: Pod): boolean;
  /** Of this kubelet: pods that another one made aren't ended. */
  kubeletRoot: string;
  /** Called with each pod that has ended, once its name is free. */
  onFinished(pod: Pod): void;
  /** Called once for each pod that a runtime has and nobody wants. */
  onOrphan(): void;
  /** Called with each pod that came back while it was ending, and begins anew. */
  onRestarted(pod: Pod): void;
}

/** A pod as kubelet counts it: how far it is, and whether a source has it. `runtime_only`: nobody knows more than what a runtime has of it. */
export interface WorkingPod {
  pod: Pod;
  lifecycle: 'sync' | 'terminating' | 'terminated';
  config: 'desired' | 'orphan' | 'runtime_only';
}

/** The workers of all pods, by uid. */
export class PodWorkers {
  readonly #options: PodWorkersOptions;
  readonly #workers = new Map<string, PodWorker>();
  /** Pods that wait until one of their name has ended. */
  #waiting: Pod[] = [];
  /** The pods that sources have, by uid. */
  #wanted = new Map<string, Pod>();
  /** Those of them that were deleted there and have ended: they don't begin anew. */
  #ended = new Set<string>();
  #stopping = false;

  constructor(options: PodWorkersOptions) {
    this.#options = options;
  }

  all(): PodWorker[] {
    return [...this.#workers.values()];
  }

  /** Pods that haven't got a worker yet. */
  waiting(): Pod[] {
    return [...this.#waiting];
  }

  /** Every pod with spec and status; what a runtime had of one that nobody knows any more isn't told of. */
  pods(): Pod[] {
    const running = this.all().filter((worker) => specOf(worker.pod).containers.length > 0);
    const waiting: Pod[] = this.waiting().map((pod) => ({ ...pod, status: { phase: 'Pending' } }));
    return [...running.map(podOf), ...waiting];
  }

  /** What becomes of each pod, and whether anybody wants it. */
  working(): WorkingPod[] {
    const waiting = this.waiting().map((pod) => ({ pod, lifecycle: 'sync', config: 'desired' }) as const);
    return [...this.all().map((worker) => this.#workingOf(worker)), ...waiting];
  }

  #workingOf({ pod, status, terminatingSince }: PodWorker): WorkingPod {
    // Of such a pod nobody knows the containers, so that its phase says nothing: it is here until the runtime has nothing of it.
    if (specOf(pod).containers.length === 0) return { pod, lifecycle: 'terminating', config: 'runtime_only' };
    const hasEnded = ['Succeeded', 'Failed'].includes(status.phase ?? '');
    const lifecycle = hasEnded ? 'terminated' : terminatingSince ? 'terminating' : 'sync';
    return { pod, lifecycle, config: this.#wanted.has(uidOf(pod)) ? 'desired' : 'orphan' };
  }

  get(uid: string): PodWorker | undefined {
    return this.#workers.get(uid);
  }

  /** These pods are to run, and no others. */
  want(pods: Pod[]): void {
    if (this.#stopping) return;
    this.#wanted = new Map(pods.map((pod) => [uidOf(pod), pod]));
    for (const [uid, worker] of this.#workers) if (!this.#wanted.has(uid)) worker.terminate(gracePeriodOf(worker.pod));
    for (const pod of pods) this.#workers.get(uidOf(pod))?.update(this.#options.asAdmitted(pod));
    this.#ended = new Set([...this.#ended].filter((uid) => this.#wanted.has(uid)));
    this.#waiting = pods.filter((pod) => !this.#workers.has(uidOf(pod)) && !this.#ended.has(uidOf(pod)));
    this.#startWaiting();
  }

  /** Whether a pod of that uid is there, or waits to begin. */
  knows(uid: string): boolean {
    return this.#workers.has(uid) || this.#waiting.some((pod) => uidOf(pod) === uid);
  }

  /** The pods that are admitted and haven't ended, with the resources that they have been given. */
  activePods(): Pod[] {
    return this.all()
      .filter((worker) => worker.active)
      .map((worker) => worker.allocated);
  }

  /** Ends a pod by the node's own decision, with an event; one that has ended stays as it is. */
  evict(pod: Pod, eviction: Eviction): void {
    this.#workers.get(uidOf(pod))?.evict(eviction);
  }

  /** Room may have come free: pods whose resize waits for it look again; but for the one of this uid, which made it come free. */
  retryResizes(except?: string): void {
    for (const [uid, worker] of this.#workers) {
      if (uid !== except && worker.observed.pendingResize?.reason === 'Deferred') worker.notify();
    }
  }

  /** Something may have happened to the pod. */
  notify(uid: string): void {
    this.#workers.get(uid)?.notify();
  }

  /** Brings every pod up to date with whatever it refers to. */
  refreshAll(): void {
    for (const worker of this.#workers.values()) worker.refresh();
  }

  /** An object that pods may refer to has come, changed or gone. */
  objectChanged(kind: keyof ReferredObjects, namespace: string, name: string): void {
    for (const worker of this.#workers.values()) if (refersTo(worker.pod, kind, namespace, name)) worker.objectChanged();
  }

  /** Ends the pods of this kubelet that a runtime has and nobody wants. */
  endOrphans(handler: string, pods: ListedPod[]): void {
    if (this.#stopping) return;
    for (const { uid, name, namespace, kubeletRoot } of pods) {
      if (kubeletRoot !== this.#options.kubeletRoot || this.knows(uid)) continue;
      this.#options.onOrphan();
      const nameless: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { uid, name, namespace }, spec: { containers: [] } };
      this.#endLeftOver(uid, nameless, handler);
    }
  }

  /** Ends the pods that a kubelet before this one remembered and nobody wants: their runtime may have nothing of them any more, but the node has. */
  endRemembered(handlers: readonly string[]): void {
    if (this.#stopping) return;
    for (const uid of this.#options.remembered.restoredUids()) {
      const memory = this.#options.remembered.restored(uid);
      if (!memory || this.knows(uid)) continue;
      if (handlers.includes(memory.handler)) this.#endLeftOver(uid, memory.pod, memory.handler);
      else this.#options.remembered.forget(uid);
    }
  }

  /** By its own hooks and what is left of its grace period, where that is known. */
  #endLeftOver(uid: string, nameless: Pod, handler: string): void {
    const memory = this.#options.remembered.restored(uid);
    const pod = memory?.pod ?? nameless;
    const left = memory?.deadline ? (Date.parse(memory.deadline) - this.#options.clock.now().getTime()) / 1000 : gracePeriodOf(pod);
    this.#launch(pod, handler).terminate(Math.max(leastGraceSeconds, Math.ceil(Math.min(left, gracePeriodOf(pod)))));
  }

  /** Makes room for pods that waited for the name of one that has ended. */
  forgetFinished(): void {
    for (const [uid, worker] of this.#workers) {
      if (!worker.finished) continue;
      this.#workers.delete(uid);
      this.#wantAgain(uid);
      this.#options.onFinished(worker.pod);
      this.retryResizes();
    }
    if (!this.#stopping) this.#startWaiting();
  }

  /** Ends every pod; `hurry` ends the grace periods. Resolves when all have ended, but for those whose runtime is gone. */
  async terminateAll(hurry?: AbortSignal): Promise<void> {
    this.#stopping = true;
    this.#waiting = [];
    const terminate = () => {
      for (const worker of this.#workers.values()) worker.terminate(hurry?.aborted ? 0 : gracePeriodOf(worker.pod));
    };
    hurry?.addEventListener('abort', terminate);
    terminate();
    await Promise.all(this.all().map((worker) => Promise.race([worker.ended(), worker.abandoned])));
    hurry?.removeEventListener('abort', terminate);
    this.forgetFinished();
  }

  /** Ends the workers, and leaves the pods as they are. */
  async haltAll(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.all().map((worker) => worker.halt()));
  }

  /** A pod that came back while it was ending begins anew; one that was deleted doesn't. */
  #wantAgain(uid: string): void {
    const pod = this.#wanted.get(uid);
    if (pod?.metadata?.deletionTimestamp) this.#ended.add(uid);
    else if (pod && !this.#stopping) {
      this.#waiting.push(pod);
      this.#options.onRestarted(pod);
    }
  }

  #startWaiting(): void {
    const busy = new Set(this.all().map(({ pod }) => fullNameOf(pod)));
    const startable = this.#waiting.filter((pod) => !busy.has(fullNameOf(pod)));
    this.#waiting = this.#waiting.filter((pod) => busy.has(fullNameOf(pod)));
    // After a restart, what one of these pods has already isn't given to another.
    const begun = new Set(startable.filter((pod) => this.#options.begunBefore(pod)));
    for (const pod of [...begun, ...startable.filter((each) => !begun.has(each))]) this.#launch(pod);
  }

  #launch(pod: Pod, handler?: string): PodWorker {
    const worker = this.#options.create(pod, handler);
    this.#workers.set(uidOf(pod), worker);
    worker.start();
    if (pod.metadata?.deletionTimestamp) worker.terminate(gracePeriodOf(pod));
    void worker.ended().then(() => this.forgetFinished());
    return worker;
  }
}

/** A worker's pod with its status; one that is ending says since when. */
function podOf({ pod, status, terminatingSince }: PodWorker): Pod {
  if (!terminatingSince) return { ...pod, status };
  return { ...pod, metadata: { ...pod.metadata, deletionTimestamp: apiTime(terminatingSince) }, status };
}
