/** The cgroups that pods run in, one each, as a cgroup driver makes them. The runtime makes the containers' below. */
export interface PodCgroups {
  /** What the runtime gets as cgroup parent. */
  parentOf(uid: string): string;
  /** Makes the pod's cgroup; one that is there already stays. */
  create(uid: string, signal: AbortSignal): Promise<void>;
  /** Removes the pod's cgroup with all below; one that is missing is no error. */
  remove(uid: string, signal: AbortSignal): Promise<void>;
  /** Removes the root too, if no pod is left in it. Never throws. */
  removeRoot(): Promise<void>;
}
