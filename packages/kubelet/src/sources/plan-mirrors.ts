import type { Pod } from '@berth/api/objects';
import { fullNameOf } from '../pod.ts';
import { mirrorAnnotation } from './api-source.ts';

const hashAnnotation = 'kubernetes.io/config.hash';

/** What is to be changed in the API, so that it shows each static pod as it is and no other. */
interface MirrorChanges {
  create: Pod[];
  remove: Pod[];
}

/**
 * A static pod's mirror has its hash in the annotation kubernetes.io/config.mirror: one of another hash, or that is being deleted, is removed and
 * made anew. A name that a pod of the API has itself gets none.
 */
export function planMirrors(statics: readonly Pod[], mirrors: readonly Pod[]): MirrorChanges {
  const byName = new Map(statics.map((pod) => [fullNameOf(pod), pod]));
  const right = mirrors.filter((mirror) => shows(mirror, byName.get(fullNameOf(mirror))));
  const shown = new Set(right.map(fullNameOf));
  return {
    create: [...byName].flatMap(([name, pod]) => (shown.has(name) ? [] : [mirrorOf(pod)])),
    remove: mirrors.filter((mirror) => !right.includes(mirror)),
  };
}

function shows(mirror: Pod, pod: Pod | undefined): boolean {
  const { annotations, deletionTimestamp } = mirror.metadata ?? {};
  return pod !== undefined && deletionTimestamp === undefined && annotations?.[mirrorAnnotation] === hashOf(pod);
}

function hashOf({ metadata }: Pod): string {
  return metadata?.annotations?.[hashAnnotation] ?? '';
}

/** What is made in the API for a static pod; the API gives it a uid of its own. */
function mirrorOf(pod: Pod): Pod {
  const { uid: _uid, creationTimestamp: _created, deletionTimestamp: _deleted, ...metadata } = pod.metadata ?? {};
  const { status: _status, ...rest } = pod;
  return { ...rest, metadata: { ...metadata, annotations: { ...metadata.annotations, [mirrorAnnotation]: hashOf(pod) } } };
}
