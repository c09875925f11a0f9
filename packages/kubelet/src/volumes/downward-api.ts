import type { ResourceAmounts } from '@berth/api/resource-amounts';
import type { PodDirectories } from '../pod-directories.ts';
import { downwardPayload } from './downward-files.ts';
import { WrittenVolume } from './written-volume.ts';

const readable = 0o644;

/** Fields of the pod as files. */
export function downwardApiVolume(directories: PodDirectories, allocatable: () => ResourceAmounts): WrittenVolume {
  return new WrittenVolume(directories, {
    directory: 'kubernetes.io~downward-api',
    inMemory: true,
    handles: ({ downwardAPI }) => downwardAPI !== undefined,
    payload: async (pod, { downwardAPI: { items, defaultMode = readable } = {} }) =>
      downwardPayload(pod, items, defaultMode, allocatable()),
  });
}
