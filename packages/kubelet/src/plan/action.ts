/** One thing for the worker to do. The planner decides whether, the files in `actions/` know how. */
export type Action =
  | { kind: 'prepare' }
  | { kind: 'refresh-volumes' }
  | { kind: 'run-sandbox'; attempt: number }
  | { kind: 'stop-sandbox'; sandboxId: string }
  | { kind: 'remove-sandbox'; sandboxId: string }
  | { kind: 'check-image'; image: string }
  | StartContainer
  | StopContainers
  | { kind: 'remove-container'; containerId: string; container: string }
  | { kind: 'clean-up' };

/** Pulls the image if told, creates the next instance of a container and starts it. */
export interface StartContainer {
  kind: 'start-container';
  container: string;
  attempt: number;
  sandboxId: string;
  sandboxAttempt: number;
  /** The pod's own addresses; empty where it has the host's. */
  podIPs: string[];
  pull: boolean;
  /** What the restart after this one has to wait; undefined for a first start. */
  restartDelayMs?: number;
}

/** Stops container instances side by side. */
export interface StopContainers {
  kind: 'stop-containers';
  containers: { id: string; name: string }[];
  gracePeriodSeconds: number;
  /** For the reader of the event: why they are stopped. */
  reason: string;
}
