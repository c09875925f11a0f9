/** Places inside the guest that its init, its agent and the host's side agree on. */

/** Where the pod's shared tree is mounted. */
export const sharePath = '/share';

/** What the guest executes of the shared tree, from its root. */
export const toolsShare = 'tools';

/** What the pod's containers see as /dev/shm. */
export const sharedMemoryPath = '/run/berth/shm';

/** The process that holds a shared PID namespace, and the empty root that it has. */
export const pause = { executable: '/bin/catatonit', root: '/run/berth/pause' };

/** What all of the pod's containers are below, from the root of the cgroups. */
export const containersCgroup = '/containers';

/** A container's part of the shared tree, from its root. */
export function containerShare(id: string): string {
  return `containers/${id}`;
}

/** Where the agent keeps what it has of a container. */
export function bundlePath(id: string): string {
  return `/run/berth/containers/${id}`;
}

/** A link to the folder of /proc of a container's first process. */
export function processLink(id: string): string {
  return `${bundlePath(id)}/process`;
}
