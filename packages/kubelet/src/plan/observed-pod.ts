import type { PodStatus, ResourceRequirements } from '@berth/api/objects';

/** A pod sandbox as the runtime tells of it. */
export interface Sandbox {
  id: string;
  attempt: number;
  ready: boolean;
  createdAt: Date;
  /** Empty where the pod has no address of its own. */
  ips: string[];
}

/** As in CRI's ContainerState; `unknown` to the runtime itself. */
export type InstanceState = 'created' | 'running' | 'exited' | 'unknown';

/** One instance of a container: every start of a container is a new one, with the next attempt number. */
export interface ContainerInstance {
  id: string;
  /** The container of the pod that this is an instance of. */
  name: string;
  sandboxId: string;
  /** Counts the restarts: 0 is the first start. */
  attempt: number;
  state: InstanceState;
  createdAt: Date;
  startedAt?: Date;
  finishedAt?: Date;
  exitCode: number;
  reason: string;
  message: string;
  image: string;
  imageId: string;
  /** What was asked for it when it was made or last resized, by Berth's own record; undefined where there is none. */
  resources?: ResourceRequirements;
  /** Of what it was made of, see `definitionHash`; undefined where the runtime doesn't tell it. */
  definition?: string;
  /** Whom its first process runs as, where the runtime tells. */
  user?: { uid: number; gid: number; supplementalGroups?: number[] };
  /** The places where something is mounted so that all below is read-only too. */
  recursiveReadOnlyMounts?: string[];
}

/** What the probes of one container instance have found so far. */
export interface ProbeVerdict {
  /** The startup probe has succeeded, or there is none. */
  started: boolean;
  /** The readiness probe succeeds, or there is none. */
  ready: boolean;
  /** The startup or liveness probe failed as often as it may: the instance is to be stopped, for this reason. */
  failed?: FailedProbe;
}

/** A probe that failed as often as it may, with what it said the last time. */
export interface FailedProbe {
  probe: 'startup' | 'liveness';
  message: string;
}

/** Why an action failed the last time, and when it may be tried again. */
export interface Failure {
  /** `ErrImagePull`, `CreateContainerError`, `FailedCreatePodSandBox`, ... */
  reason: string;
  message: string;
  at: Date;
  /** How long to wait after `at`. */
  delayMs: number;
}

/** How long a crashed container waits for its next restart, set at the one before. */
export interface RestartDelay {
  delayMs: number;
  setAt: Date;
}

/** Why the node doesn't run a pod at all. */
export interface Refusal {
  reason: string;
  message: string;
}

/** Why a running pod doesn't get the resources that it asks for by now. */
export interface ResizeRefusal {
  /** `Deferred`: not at the moment. `Infeasible`: never on this node. */
  reason: 'Deferred' | 'Infeasible';
  message: string;
}

/** Why the node ends a pod that it has run: the pod stays, Failed, and isn't started again. */
export interface Eviction extends Refusal {
  gracePeriodSeconds: number;
  /** What the condition DisruptionTarget says; without, the pod gets none. */
  disruption?: string;
  /** Told of the node alone and not of the pod, as a shutdown is, which ends them all. */
  toldOfNode?: true;
}

/** Everything that the planner knows of a pod besides its spec: what the runtime told and what the worker remembers. */
export interface ObservedPod {
  handler: string;
  /** Newest first. */
  sandboxes: Sandbox[];
  /** Newest first. */
  containers: ContainerInstance[];
  /** Whether an image is there, by its name in the spec; one that nobody looked for has no entry. */
  images: Record<string, { present: boolean; checkedAt: Date }>;
  /** By container id, of running instances that have probes; one without an entry is started and ready as soon as it runs. */
  probes?: Record<string, ProbeVerdict>;
  /** By `failureKey()`. That of `observe` is why the runtime can't be asked, so that the rest is old. */
  failures: Record<string, Failure>;
  /** By container name. */
  restartDelays: Record<string, RestartDelay>;
  /** The pod is to have devices, and their plugins haven't answered yet. */
  devicesPending?: boolean;
  /** Directories, volumes and cgroup. After a restart of the kubelet nobody knows yet. */
  directories: 'unknown' | 'prepared' | 'removed';
  /** What the volumes show may have changed since they were made or brought up to date. */
  volumesStale?: boolean;
  /** Instances that the node stopped in order to start them again, by id: they are, whatever the restart policy says of their exit code. */
  owedRestarts?: Record<string, true>;
  /** Instances that were stopped since a probe of theirs failed, by id: the reader's, nothing is planned by it. */
  failedProbes?: Record<string, FailedProbe>;
  /** The pod is to end. */
  deletion?: { gracePeriodSeconds: number };
  /** Since when the pod's containers are being stopped for good: all of them together have one grace period. */
  endingSince?: Date;
  refusal?: Refusal;
  eviction?: Eviction;
  /** The pod asks for other resources than it has been given: the planner gets the pod with those that it has. */
  pendingResize?: ResizeRefusal | undefined;
  /** The status told last. */
  previous?: PodStatus;
  hostIP?: string;
}
