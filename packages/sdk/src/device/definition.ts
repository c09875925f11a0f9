/** One device of a resource, as its plugin's author tells of it. */
export interface DeviceDescription {
  /** Unique within the resource, 1 to 63 characters. */
  id: string;
  /** Default true. An unhealthy device is given to no further container. */
  healthy?: boolean;
  /** The NUMA nodes that it is near to, as in /sys/devices/system/node; none: it is near to nothing. */
  numaNodes?: readonly number[];
}

/** What a container gets for its devices; all of it is optional. */
export interface DeviceAllocation {
  envs?: Readonly<Record<string, string>>;
  mounts?: readonly { containerPath: string; hostPath: string; readOnly?: boolean }[];
  /** `containerPath`: default the same as on the host. `permissions`: of `r`, `w` and `m`; default `rw`. */
  devices?: readonly { hostPath: string; containerPath?: string; permissions?: string }[];
  /** For the runtime. */
  annotations?: Readonly<Record<string, string>>;
  /** Names in the Container Device Interface: `vendor.example/class=name`. */
  cdiDevices?: readonly string[];
}

/** What a preference is asked for. */
export interface PreferenceRequest {
  /** Those to choose from. */
  available: readonly string[];
  /** Those of them that are in the choice in any case. */
  mustInclude: readonly string[];
  /** How many to choose, with those. */
  size: number;
}

/** What an author writes. What a function throws fails that call, with the resource's and the function's name. */
export interface DevicePluginDefinition {
  /** As pods request it, an extended resource: `vendor.example/name`. */
  resourceName: string;
  /**
   * Gives all devices, and all of them again whenever something has changed: one comes, goes, or changes its health. May give the same twice. When it
   * ends the last list stays; when it throws all devices count as unhealthy, and it is called again.
   */
  list(signal: AbortSignal): AsyncIterable<readonly DeviceDescription[]>;
  /** What a container with these devices needs. Asked for ids that `list` has given; others are refused before. */
  allocate(ids: readonly string[], signal: AbortSignal): DeviceAllocation | Promise<DeviceAllocation>;
  /** Which of the free devices had better be taken together: as many as are asked for. */
  preferred?(request: PreferenceRequest, signal: AbortSignal): readonly string[] | Promise<readonly string[]>;
  /** Readies devices before each start of the container that has them; within 30 s. */
  preStart?(ids: readonly string[], signal: AbortSignal): void | Promise<void>;
}
