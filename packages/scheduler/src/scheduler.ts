import type { Node, Pod } from '@berth/api/objects';
import { PluginError } from '@berth/sdk/errors';
import type { PodInfo } from '@berth/sdk/scheduler';
import { Cache } from './cache.ts';
import { firstRefusal } from './cycle/ask.ts';
import { ExtensionPointFailure } from './cycle/extension-point-failure.ts';
import type { ClusterEvent } from './framework.ts';
import { failedVerdict, gatedVerdict } from './make-verdict.ts';
import { podInfo, schedulerNameOf } from './pod-info.ts';
import type { Profile } from './profile.ts';
import { type BackOff, defaultBackOff } from './queue/back-off.ts';
import { SchedulingQueue } from './queue/scheduling-queue.ts';
import { type Outcome, tryPod } from './try-pod.ts';
import type { Verdict } from './verdict.ts';

export interface SchedulerOptions {
  /** At least one, with names of their own and one QueueSort. */
  profiles: readonly Profile[];
  /** Told what became of each try of a pod, and of each pod that is held back by a gate. May not throw. */
  onVerdict(verdict: Verdict): void;
  backOff?: BackOff;
  /** Milliseconds since the epoch. */
  now?(): number;
}

/** Places pods on nodes. Whoever owns it tells it of nodes and pods as they come, change and go, and has it schedule. */
export class Scheduler {
  readonly #profiles: ReadonlyMap<string, Profile>;
  readonly #onVerdict: (verdict: Verdict) => void;
  readonly #cache = new Cache();
  readonly #queue: SchedulingQueue;
  /** Pods on their way to their nodes. */
  readonly #bindings = new Set<Promise<void>>();
  /** Where the next pod begins to look at nodes. */
  #start = 0;

  constructor({ profiles, onVerdict, backOff = defaultBackOff, now = Date.now }: SchedulerOptions) {
    const [first] = profiles;
    if (!first) throw new PluginError('INVALID_ARGUMENT', 'a scheduler needs a profile');
    this.#profiles = new Map(profiles.map((profile) => [profile.schedulerName, profile]));
    this.#onVerdict = onVerdict;
    const gate = (pod: PodInfo) => this.#gate(pod);
    this.#queue = new SchedulingQueue({ compare: (left, right) => first.queueSort.compare(left, right), gate, backOff, now });
  }

  /** Adds a node, or takes its new state. */
  setNode(node: Node): void {
    const action = this.#cache.node(node.metadata?.name ?? '') ? 'Update' : 'Add';
    this.#queue.notice({ resource: 'Node', action, node: this.#cache.setNode(node) });
  }

  removeNode(name: string): void {
    const node = this.#cache.removeNode(name);
    if (node) this.#queue.notice({ resource: 'Node', action: 'Delete', node });
  }

  /**
   * Takes a defaulted pod that has no node yet, or its new state. Gives false, and does nothing, if no profile has the name that it
   * asks for: it is another scheduler's.
   */
  setPendingPod(pod: Pod): boolean {
    const info = podInfo(pod);
    if (!this.#profiles.has(schedulerNameOf(info))) return false;
    if (this.#cache.nodeOf(info.uid) !== undefined) return true;
    this.#queue.set(info);
    return true;
  }

  /** Takes a defaulted pod that runs on a node, whoever put it there. */
  setRunningPod(pod: Pod, nodeName: string): void {
    const info = podInfo(pod);
    const action = this.#cache.nodeOf(info.uid) === undefined ? 'Add' : 'Update';
    this.#queue.delete(info.uid);
    this.#cache.setPod(info, nodeName);
    this.#noticePod(action, nodeName, info.uid);
  }

  removePod(uid: string): void {
    this.#queue.delete(uid);
    const nodeName = this.#cache.removePod(uid);
    if (nodeName !== undefined) this.#noticePod('Delete', nodeName, uid);
  }

  /** Tries the pod whose turn it is; its binding may still go on after. False if none is ready. What plugins do wrong, verdicts tell. */
  async scheduleOne(signal: AbortSignal): Promise<boolean> {
    const queued = this.#queue.pop();
    const profile = queued && this.#profiles.get(schedulerNameOf(queued.info));
    if (!profile) return false;
    const { info: pod } = queued;
    const snapshot = this.#cache.snapshot();
    const isWanted = () => this.#queue.isInFlight(pod.uid);
    const { lookedAt, next } = await tryPod({ profile, pod, snapshot, start: this.#start, cache: this.#cache, isWanted }, signal);
    this.#start = (this.#start + lookedAt) % Math.max(snapshot.nodes.length, 1);
    if (next && 'bind' in next) this.#follow(pod, next.bind(signal));
    else if (next) this.#conclude(pod, next);
    return true;
  }

  /** Tries every pod that is worth a try until none is, then waits for their bindings. */
  async drain(signal: AbortSignal): Promise<void> {
    do {
      while (!signal.aborted && (await this.scheduleOne(signal)));
      await this.settled();
    } while (!signal.aborted && this.#queue.hasReady());
  }

  /** Resolves when no binding is under way. Rejects with what `onVerdict` has thrown for one. */
  async settled(): Promise<void> {
    while (this.#bindings.size > 0) await Promise.all(this.#bindings);
  }

  /** What PreEnqueue says of the pod; a verdict tells unless it is let in. */
  #gate(pod: PodInfo): 'open' | 'closed' | 'failed' {
    try {
      const plugins = this.#profiles.get(schedulerNameOf(pod))?.preEnqueue ?? [];
      const refusal = firstRefusal(plugins, 'preEnqueue', (plugin) => plugin.preEnqueue(pod));
      if (refusal) this.#onVerdict(gatedVerdict(pod, refusal));
      return refusal ? 'closed' : 'open';
    } catch (thrown) {
      if (!(thrown instanceof ExtensionPointFailure)) throw thrown;
      this.#onVerdict(failedVerdict(pod, thrown));
      return 'failed';
    }
  }

  #follow(pod: PodInfo, binding: Promise<Outcome>): void {
    const followed = binding.then((outcome) => this.#conclude(pod, outcome)).then(() => void this.#bindings.delete(followed));
    // A failure stays for `settled` to tell.
    followed.catch(() => undefined);
    this.#bindings.add(followed);
  }

  /** The verdict comes first: back in the queue, PreEnqueue may have the last word on the pod. */
  #conclude({ uid }: PodInfo, { verdict, setback, freedNode }: Outcome): void {
    this.#onVerdict(verdict);
    if (setback) this.#queue.giveBack(uid, setback);
    else this.#queue.done(uid);
    if (freedNode !== undefined) this.#noticePod('Delete', freedNode, uid);
    if (verdict.nodeName !== undefined) this.#noticePod('Add', verdict.nodeName, uid);
  }

  #noticePod(action: ClusterEvent['action'], nodeName: string, uid: string): void {
    this.#queue.notice({ resource: 'Pod', action, node: this.#cache.node(nodeName) }, uid);
  }
}
