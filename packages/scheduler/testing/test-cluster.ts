import type { Pod } from '@berth/api/objects';
import type { AnyPlugin } from '../src/framework.ts';
import { Scheduler } from '../src/scheduler.ts';
import type { Verdict } from '../src/verdict.ts';
import { makeNode } from './objects.ts';
import { profileOf, RecordingBinder } from './profile.ts';

/** The nodes n1, n2 and n3 of a test, what was bound to them, and what the scheduler has told. */
export class TestCluster {
  readonly binder = new RecordingBinder();
  readonly verdicts: Verdict[] = [];
  /** In ms; stands still unless a test moves it. */
  now = 0;
  readonly #signal = new AbortController().signal;

  schedulerWith(...plugins: AnyPlugin[]): Scheduler {
    const onVerdict = (verdict: Verdict) => void this.verdicts.push(verdict);
    const scheduler = new Scheduler({ profiles: [profileOf(plugins, this.binder)], onVerdict, now: () => this.now });
    for (const name of ['n1', 'n2', 'n3']) scheduler.setNode(makeNode(name));
    return scheduler;
  }

  /** Tries the pods, and those that wait; gives all verdicts since the beginning. */
  async place(scheduler: Scheduler, ...pods: Pod[]): Promise<Verdict[]> {
    for (const pod of pods) scheduler.setPendingPod(pod);
    await scheduler.drain(this.#signal);
    return this.verdicts;
  }
}
