import { join } from 'node:path';
import type { Pod } from '@berth/api/objects';
import { nameOf, namespaceOf, uidOf } from './pod.ts';

/** Where a pod's files are on the host; the layout below both roots is kubelet's. */
export class PodDirectories {
  readonly kubeletRoot: string;
  readonly podLogsDir: string;

  constructor(kubeletRoot: string, podLogsDir: string) {
    this.kubeletRoot = kubeletRoot;
    this.podLogsDir = podLogsDir;
  }

  podDirectory(pod: Pod): string {
    return join(this.kubeletRoot, 'pods', uidOf(pod));
  }

  emptyDir(pod: Pod, volume: string): string {
    return join(this.podDirectory(pod), 'volumes', 'kubernetes.io~empty-dir', volume);
  }

  logDirectory(pod: Pod): string {
    return join(this.podLogsDir, `${namespaceOf(pod)}_${nameOf(pod)}_${uidOf(pod)}`);
  }
}
