/**
 * One step of a pod's way. `now`: it is being done; `waiting`: its turn hasn't come (of a pod that ends: to be given back); `failed`: it went wrong the last time, and is tried
 * again unless `detail` says that it isn't.
 */
export interface Step {
  name: 'source' | 'admitted' | 'devices' | 'volumes' | 'sandbox' | 'image' | 'created' | 'running' | 'started' | 'ready' | 'ended';
  /** The container that it is about; without one it is about the pod. */
  container?: string;
  state: 'done' | 'now' | 'waiting' | 'failed';
  /** When it was done, began, or failed; RFC 3339. */
  since?: string;
  tookMs?: number;
  /** In plain words. */
  detail: string;
  /** The plugin call that was made for it last; one without a duration hasn't been answered. */
  call?: StepCall;
  /** What would unblock it. */
  cure?: string;
}

interface StepCall {
  /** `runc` */
  plugin: string;
  /** `RunPodSandbox` */
  method: string;
  startedAt: string;
  durationMs?: number;
  /** `OK`, or the code of the error. */
  outcome?: string;
  message?: string;
}

/** A step before its neighbours are known: one that is neither done nor failed is `now` if the one before is done. */
export type Draft = Omit<Step, 'state'> & { state: 'done' | 'failed' | 'open' };

/** Steps of which each needs the one before. `blocked`: the first has to wait. What is being done now has begun when the one before was done. */
export function inOrder(drafts: Draft[], blocked: boolean, since: string | undefined): Step[] {
  let held = blocked;
  let last = since;
  return drafts.map((draft): Step => {
    const state = draft.state !== 'open' ? draft.state : held ? 'waiting' : 'now';
    held ||= state !== 'done';
    const step: Step = { ...draft, state };
    if (state === 'now' && last !== undefined) step.since ??= last;
    if (state === 'waiting')
      return { name: step.name, ...(step.container && { container: step.container }), state, detail: 'its turn has not come' };
    last = step.since ?? last;
    return step;
  });
}
