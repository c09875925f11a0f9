import { existsSync } from 'node:fs';
import type { Need } from '../suite.ts';
import { type CriTarget, noPublisher } from './target.ts';
import type { ImageName } from './test-images.ts';

/** What cases need of a target beyond the protocol's core; CriTargetOptions.lacks takes away by these names. */
export const needNames = {
  processes: 'its containers run the commands they are given',
  images: 'its images have content',
  isolation: 'its containers have a host name, processes and files of their own',
  network: 'its pods have a network of their own',
  namespaces: 'pods can ask for namespaces of the host and of one another',
  privileged: 'it runs privileged containers',
  security: 'users, capabilities, seccomp and read-only file systems are as asked for',
  mounts: 'directories of the host can be mounted',
  propagation: 'mounts made later are seen on the other side',
  devices: 'devices of the host can be given',
  resources: 'limits are enforced through cgroups of this host',
  checkpoints: 'CheckpointContainer',
  streaming: 'Exec, Attach and PortForward',
  terminals: 'its containers can have a terminal',
  logs: 'it writes log files that this host can read',
} as const;

export type NeedName = keyof typeof needNames;

/** The target isn't said to lack it, nor processes, by which all of these show. */
function need(name: NeedName, check: (target: CriTarget) => string | undefined = () => undefined): Need<CriTarget> {
  return { name, missing: async (target) => target.options.lacks?.[name] ?? target.options.lacks?.processes ?? check(target) };
}

/** For cases that look at what a container's process did. */
export const processes = need('processes');
export const imageContents = need('images');
export const isolation = need('isolation');
export const network = need('network');
export const namespaces = need('namespaces');
export const privileged = need('privileged');
export const security = need('security');
export const mounts = need('mounts');
export const devices = need('devices');
export const checkpoints = need('checkpoints');
export const streaming = need('streaming');
export const terminals = need('terminals');
export const logs = need('logs');
export const resources = need('resources', () => (existsSync('/sys/fs/cgroup') ? undefined : 'this host has no cgroups'));
export const propagation = need('propagation', () =>
  process.getuid?.() === 0 && process.platform === 'linux' ? undefined : 'the suite has to mount, which needs root on Linux',
);

/** The case puts images of its own into the suite's registry, which has content. */
export const ownImages: Need<CriTarget> = {
  name: 'own images',
  missing: async ({ options: { lacks, publisher } }) => lacks?.images ?? lacks?.processes ?? (publisher ? undefined : noPublisher),
};

/** The suite looks at this host's kernel beside the target. */
export const sameHost: Need<CriTarget> = {
  name: 'same-host',
  missing: async ({ options }) =>
    process.platform === 'linux' && options.runtimeEndpoint.startsWith('unix:') && process.getuid?.() === 0
      ? undefined
      : 'the suite has to look at the kernel of the target, as root on the same Linux host',
};

/** The caller can restart the server. */
export const restarts: Need<CriTarget> = {
  name: 'restarts',
  missing: async ({ options }) => (options.restart ? undefined : 'the suite was not told how to restart the server'),
};

/** One of the test images, where they are mapped. */
export function image(...names: ImageName[]): Need<CriTarget> {
  return {
    name: `image ${names.join(', ')}`,
    missing: async (target) => {
      const missing = names.find((name) => target.images[name] === undefined);
      return missing === undefined ? undefined : `no image ${missing} is mapped`;
    },
  };
}
