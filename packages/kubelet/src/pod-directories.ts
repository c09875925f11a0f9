import { join } from 'node:path';
import type { Pod } from '@berth/api/objects';
import { nameOf, namespaceOf, uidOf } from './pod.ts';

/** The log of one instance of a container, in the container's own directory below the pod's log directory. */
export function logFileName(attempt: number): string {
  return `${attempt}.log`;
}

/** Where a pod's files are on the host; the layout below both roots is kubelet's. */
export class PodDirectories {
  readonly kubeletRoot: string;
  readonly #podLogsDir: string;

  constructor(kubeletRoot: string, podLogsDir: string) {
    this.kubeletRoot = kubeletRoot;
    this.#podLogsDir = podLogsDir;
  }

  /** Where localhost profiles of seccomp are; whoever runs the node puts them there. */
  get seccompRoot(): string {
    return join(this.kubeletRoot, 'seccomp');
  }

  /** Volumes and what else the pod needs as long as it is there. */
  podDirectory(pod: Pod): string {
    return join(this.podsDirectory, uidOf(pod));
  }

  /** Where every pod's directory is, by its uid. */
  get podsDirectory(): string {
    return join(this.kubeletRoot, 'pods');
  }

  /** A volume of the kind that has this directory, `kubernetes.io~secret`. */
  volume(pod: Pod, kind: string, name: string): string {
    return join(this.podDirectory(pod), 'volumes', kind, name);
  }

  /** A part of a volume as a container mounts it, by the place of the mount in the container's spec. */
  subPath(pod: Pod, volume: string, container: string, index: number): string {
    return join(this.podDirectory(pod), 'volume-subpaths', volume, container, String(index));
  }

  /** Has a termination log for each instance of the container. */
  containerDirectory(pod: Pod, container: string): string {
    return join(this.podDirectory(pod), 'containers', container);
  }

  /** What the pod's containers have as /etc/hosts. */
  hostsFile(pod: Pod): string {
    return join(this.podDirectory(pod), 'etc-hosts');
  }

  /** Has a directory for each container; what is in it outlives the containers. */
  logDirectory(pod: Pod): string {
    return join(this.#podLogsDir, `${namespaceOf(pod)}_${nameOf(pod)}_${uidOf(pod)}`);
  }
}
