/** Places inside the guest that its init, its agent and the host's side agree on. */

/** Where the pod's shared tree is mounted. */
export const sharePath = '/share';

/** What the pod's containers see as /dev/shm. */
export const sharedMemoryPath = '/run/berth/shm';

/** A container's part of the shared tree, from its root. */
export function containerShare(id: string): string {
  return `containers/${id}`;
}
