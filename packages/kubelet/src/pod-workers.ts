import type { Pod } from '@berth/api/objects';
import type { ListedPod } from './pleg/relist.ts';
import { fullNameOf, gracePeriodOf, uidOf } from './pod.ts';
import type { PodWorker } from './pod-worker.ts';

interface PodWorkersOptions {
  /** A worker for a pod, not yet started. `handler` is given for a pod that was found in that runtime. */
  create(pod: Pod, handler?: string): PodWorker;
  /** Something was made for the pod already, by this kubelet or one before it. */
  begunBefore(pod: Pod): boolean;
  /** Of this kubelet: pods that another one made aren't ended. */
  kubeletRoot: string;
  /** Called with each pod that has ended, once its name is free. */
  onFinished(pod: Pod): void;
}

/** The workers of all pods, by uid. */
export class PodWorkers {
  readonly #options: PodWorkersOptions;
  readonly #workers = new Map<string, PodWorker>();
  /** Pods that wait until one of their name has ended. */
  #waiting: Pod[] = [];
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

  get(uid: string): PodWorker | undefined {
    return this.#workers.get(uid);
  }

  /** These pods are to run, and no others. */
  want(pods: Pod[]): void {
    if (this.#stopping) return;
    const wanted = new Set(pods.map(uidOf));
    for (const [uid, worker] of this.#workers) if (!wanted.has(uid)) worker.terminate(gracePeriodOf(worker.pod));
    for (const pod of pods) this.#workers.get(uidOf(pod))?.update(pod);
    this.#waiting = pods.filter((pod) => !this.#workers.has(uidOf(pod)));
    this.#startWaiting();
  }

  /** The pods that are admitted and haven't ended. */
  activePods(): Pod[] {
    return this.all()
      .filter((worker) => worker.active)
      .map((worker) => worker.pod);
  }

  /** Something may have happened to the pod. */
  notify(uid: string): void {
    this.#workers.get(uid)?.notify();
  }

  notifyAll(): void {
    for (const worker of this.#workers.values()) worker.notify();
  }

  /** Ends the pods of this kubelet that a runtime has and nobody wants. */
  endOrphans(handler: string, pods: ListedPod[]): void {
    if (this.#stopping) return;
    for (const { uid, name, namespace, kubeletRoot } of pods) {
      if (kubeletRoot !== this.#options.kubeletRoot || this.#workers.has(uid) || this.#waiting.some((pod) => uidOf(pod) === uid)) continue;
      const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { uid, name, namespace }, spec: { containers: [] } };
      this.#launch(pod, handler).terminate(gracePeriodOf(pod));
    }
  }

  /** Makes room for pods that waited for the name of one that has ended. */
  forgetFinished(): void {
    for (const [uid, worker] of this.#workers) {
      if (!worker.finished) continue;
      this.#workers.delete(uid);
      this.#options.onFinished(worker.pod);
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
    void worker.ended().then(() => this.forgetFinished());
    return worker;
  }
}
