import type { PodDirectories } from '../pod-directories.ts';
import type { ObjectSource } from '../sources/object-source.ts';
import { projectConfigMap } from './object-payload.ts';
import { WrittenVolume } from './written-volume.ts';

const readable = 0o644;

/** The keys of a config map as files. */
export function configMapVolume(directories: PodDirectories, objects: ObjectSource): WrittenVolume {
  return new WrittenVolume(directories, {
    directory: 'kubernetes.io~configmap',
    inMemory: false,
    handles: ({ configMap }) => configMap !== undefined,
    payload: (pod, { configMap: { defaultMode = readable, name, ...rest } = {} }, signal) =>
      projectConfigMap(objects, pod, { name, ...rest }, defaultMode, signal),
  });
}
