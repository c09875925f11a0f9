import type { Logger } from 'pino';
import type { NodeCgroups } from './node-cgroups.ts';
import type { PodCgroups } from './pod-cgroups.ts';

interface CgroupHousekeepingOptions {
  cgroups: NodeCgroups;
  /** Whether the kubelet has a pod of that uid. */
  isKnown(uid: string): boolean;
  log: Logger;
}

/** How long the removal of one cgroup may take. */
const removalDeadlineMs = 30_000;

/** Keeps the classes' cgroups up to date as pods come and go, and removes those of pods that nobody has. */
export class CgroupHousekeeping {
  readonly #options: CgroupHousekeepingOptions;
  /** Uids of cgroups that belong to no pod, as the last look found them. */
  #orphans = new Set<string>();
  #turn: Promise<void> | undefined;

  constructor(options: CgroupHousekeepingOptions) {
    this.#options = options;
  }

  /** Takes a turn, unless the last one goes on still; what fails is in the log. Resolves at its end. */
  turn(): Promise<void> {
    this.#turn ??= this.#run()
      .catch((thrown: unknown) => this.#options.log.warn({ err: thrown }, "the pods' cgroups weren't brought up to date"))
      .finally(() => {
        this.#turn = undefined;
      });
    return this.#turn;
  }

  async #run(): Promise<void> {
    await this.#options.cgroups.update();
    const orphans = new Set<string>();
    for (const pods of this.#options.cgroups.all()) await this.#removeOrphans(pods, orphans);
    this.#orphans = orphans;
  }

  /** A cgroup must have been without a pod at the last turn too, and without a process: another kubelet's pod that is just being made stays. */
  async #removeOrphans(pods: PodCgroups, orphans: Set<string>): Promise<void> {
    for (const uid of await pods.uids()) {
      if (this.#options.isKnown(uid)) continue;
      orphans.add(uid);
      if (!this.#orphans.has(uid) || (await pods.isBusy(uid))) continue;
      this.#options.log.info({ uid }, 'removes the cgroup of a pod that nobody has');
      await pods.remove(uid, AbortSignal.timeout(removalDeadlineMs));
    }
  }
}
