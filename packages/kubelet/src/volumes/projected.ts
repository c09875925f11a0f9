import type { Pod, ProjectedVolumeSource, VolumeProjection } from '@berth/api/objects';
import type { ResourceAmounts } from '@berth/api/resource-amounts';
import { PluginError } from '@berth/sdk/errors';
import { allContainers, specOf } from '../pod.ts';
import type { PodDirectories } from '../pod-directories.ts';
import type { ObjectSource } from '../sources/object-source.ts';
import type { TokenSource } from '../tokens/token-source.ts';
import { tokenRequestFor } from '../tokens/token-source.ts';
import type { Payload, ProjectedFile } from './atomic-writer.ts';
import { downwardPayload } from './downward-files.ts';
import { projectConfigMap, projectSecret } from './object-payload.ts';
import { WrittenVolume } from './written-volume.ts';

/** What projected volumes are filled from. */
interface ProjectionSources {
  objects: ObjectSource;
  tokens: TokenSource;
  allocatable(): ResourceAmounts;
}

const readable = 0o644;
const ownersOnly = 0o600;

/** Several sources in one directory; of two files of one path the later counts. */
export function projectedVolume(directories: PodDirectories, sources: ProjectionSources): WrittenVolume {
  return new WrittenVolume(directories, {
    directory: 'kubernetes.io~projected',
    inMemory: true,
    handles: ({ projected }) => projected !== undefined,
    payload: (pod, { projected = {} }, signal) => projectAll(pod, projected, sources, signal),
  });
}

/** All that can't be filled is told at once. */
async function projectAll(
  pod: Pod,
  { sources: projections = [], defaultMode = readable }: ProjectedVolumeSource,
  sources: ProjectionSources,
  signal: AbortSignal,
): Promise<Payload> {
  const results = await Promise.allSettled(projections.map((each) => project(pod, each, defaultMode, sources, signal)));
  const problems = results.flatMap((result) => (result.status === 'rejected' ? [PluginError.from(result.reason)] : []));
  const [first] = problems;
  if (first) throw problems.length === 1 ? first : new PluginError(first.code, `[${problems.map(({ message }) => message).join(', ')}]`);
  return new Map(results.flatMap((result) => (result.status === 'fulfilled' ? [...result.value] : [])));
}

async function project(
  pod: Pod,
  { configMap, secret, downwardAPI, serviceAccountToken, ...others }: VolumeProjection,
  defaultMode: number,
  { objects, tokens, allocatable }: ProjectionSources,
  signal: AbortSignal,
): Promise<Payload> {
  if (configMap) return projectConfigMap(objects, pod, { ...configMap, name: configMap.name }, defaultMode, signal);
  if (secret) return projectSecret(objects, pod, { ...secret, name: secret.name }, defaultMode, signal);
  if (downwardAPI) return downwardPayload(pod, downwardAPI.items, defaultMode, allocatable());
  if (serviceAccountToken) {
    const { token } = await tokens.token(tokenRequestFor(pod, serviceAccountToken), signal);
    return new Map([[serviceAccountToken.path, tokenFile(pod, token, defaultMode)]]);
  }
  throw new PluginError(
    'UNIMPLEMENTED',
    `a projected volume can't be filled from ${Object.keys(others).join(', ') || 'nothing'} on this node`,
  );
}

/** A token is for its user alone where that is known: for the one that all containers run as, or for the pod's group. */
function tokenFile(pod: Pod, token: string, defaultMode: number): ProjectedFile {
  const uid = commonUser(pod);
  const isPrivate = uid !== undefined || specOf(pod).securityContext?.fsGroup !== undefined;
  return { data: Buffer.from(token), mode: isPrivate ? ownersOnly : defaultMode, ...(uid !== undefined && { uid }) };
}

function commonUser(pod: Pod): number | undefined {
  const ofPod = specOf(pod).securityContext?.runAsUser;
  const users = new Set(allContainers(pod).map(({ securityContext }) => securityContext?.runAsUser ?? ofPod));
  const [user] = users;
  return users.size === 1 ? user : undefined;
}
