/** A process that an OCI runtime has put under a filter with a listener, as it tells (runtime-spec config-linux.md, containerProcessState). */
export interface FilteredProcess {
  /** This process's descriptor of the filter's notifications. */
  descriptor: number;
  /** The container's process, in the host's numbers. */
  pid: number;
  metadata: ContainerMetadata;
}

/** What the shim lets the OCI runtime pass on about the container. */
export interface ContainerMetadata {
  containerId: string;
  hostname: string;
  /** Bytes; 0 for no limit. */
  memoryLimit: number;
}

/** Reads containerProcessState, and throws what is wrong with it. */
export function parseProcessState(json: string, descriptors: number[]): FilteredProcess {
  const state = JSON.parse(json) as { fds?: string[]; pid?: number; metadata?: string };
  const descriptor = descriptors[state.fds?.indexOf('seccompFd') ?? -1];
  if (descriptor === undefined || typeof state.pid !== 'number' || typeof state.metadata !== 'string')
    throw new Error('the OCI runtime sent no container process state with a seccompFd');
  return { descriptor, pid: state.pid, metadata: JSON.parse(state.metadata) as ContainerMetadata };
}
