import type { PodDirectories } from '../pod-directories.ts';
import type { ObjectSource } from '../sources/object-source.ts';
import { projectSecret } from './object-payload.ts';
import { WrittenVolume } from './written-volume.ts';

const readable = 0o644;

/** The keys of a secret as files, in memory only. */
export function secretVolume(directories: PodDirectories, objects: ObjectSource): WrittenVolume {
  return new WrittenVolume(directories, {
    directory: 'kubernetes.io~secret',
    inMemory: true,
    handles: ({ secret }) => secret !== undefined,
    payload: (pod, { secret: { defaultMode = readable, secretName, ...rest } = {} }, signal) =>
      projectSecret(objects, pod, { name: secretName, ...rest }, defaultMode, signal),
  });
}
