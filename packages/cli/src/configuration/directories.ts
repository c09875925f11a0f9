import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Where one node keeps its things; two nodes with different ones can run side by side on a host. */
export interface Directories {
  /** ROOT: what survives a reboot: images, objects, volumes, logs. */
  root: string;
  /** RUN: sockets, namespace pins, call records. */
  run: string;
}

export const defaultDirectories: Directories = { root: '/var/lib/berth', run: '/run/berth' };

export function kubeletSocket({ run }: Directories): string {
  return join(run, 'kubelet.sock');
}

/** Where a runtime's CRI server listens if its entry names no endpoint. */
export function defaultEndpoint({ run }: Directories, handler: string): string {
  return `unix://${join(run, `${handler}.sock`)}`;
}

export function isSocket(path: string): boolean {
  return existsSync(path) && statSync(path).isSocket();
}
