import type { Action } from './action.ts';
import type { Wait } from './wait.ts';

/** What one of the planner's parts says; actions and status are made of it. */
export interface Steps {
  actions: Action[];
  wakeAt?: Date;
  finished?: true;
  /** Why containers don't run yet, by name. */
  waits?: Record<string, Wait>;
  /** What holds up the whole pod. */
  trouble?: Wait;
}
