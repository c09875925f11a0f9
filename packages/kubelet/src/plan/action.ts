import type { ResourceRequirements } from '@berth/api/objects';
import type { FailedProbe } from './observed-pod.ts';

/** One thing for the worker to do. The planner decides whether, the files in `actions/` know how. */
export type Action =
  | { kind: 'allocate-devices' }
  | { kind: 'prepare' }
  | { kind: 'refresh-volumes' }
  | { kind: 'run-sandbox'; attempt: number }
  | { kind: 'stop-sandbox'; sandboxId: string }
  | { kind: 'remove-sandbox'; sandboxId: string }
  | { kind: 'check-image'; image: string }
  | StartContainer
  | StopContainers
  | ResizeContainer
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
  /** The instance that was made and never started, to be started now; undefined: one is to be made. */
  createdId?: string;
  /** The instance whose processes an ephemeral container is to see; undefined where it names none. */
  targetId?: string;
  /** What the restart after this one has to wait; undefined for a first start. */
  restartDelayMs?: number;
}

/** Changes CPU and memory of a running instance. */
export interface ResizeContainer {
  kind: 'resize-container';
  containerId: string;
  container: string;
  before: ResourceRequirements;
  resources: ResourceRequirements;
}

/** Stops container instances: their preStop hooks side by side, then they themselves, turn by turn. */
export interface StopContainers {
  kind: 'stop-containers';
  containers: StoppedContainer[];
  /** 0: at once, without preStop hooks; the runtime gets the shortest time that kubelet gives. */
  gracePeriodSeconds: number;
  /** They are stopped for good, since the pod ends: its grace period begins with the first of these. */
  podEnds?: true;
}

/** One instance to stop. */
export interface StoppedContainer {
  id: string;
  name: string;
  /** For the reader of the event: why it is stopped. */
  message: string;
  /** While the grace period lasts it waits for those of a lower turn to have ended; left out: 0. */
  turn?: number;
  /** It is to be started again, whatever its exit code. */
  restarts?: true;
  /** The probe that it is stopped for. */
  failedProbe?: FailedProbe;
}
