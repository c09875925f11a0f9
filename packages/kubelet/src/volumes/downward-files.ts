import type { Pod, VolumeProjection } from '@berth/api/objects';
import type { ResourceAmounts } from '@berth/api/resource-amounts';
import { fieldValue, resourceFieldValue } from '../downward-api.ts';
import type { Payload, ProjectedFile } from './atomic-writer.ts';

type Item = NonNullable<NonNullable<VolumeProjection['downwardAPI']>['items']>[number];

/** Addresses aren't known yet when volumes are made, and validation lets no file ask for them. */
const nowhere = { hostIPs: [], podIPs: [] };

/** Files of the pod's own fields and of its containers' resources. */
export function downwardPayload(pod: Pod, items: readonly Item[] | undefined, defaultMode: number, allocatable: ResourceAmounts): Payload {
  const payload = new Map<string, ProjectedFile>();
  for (const item of items ?? [])
    payload.set(item.path, { data: Buffer.from(contentOf(pod, item, allocatable)), mode: item.mode ?? defaultMode });
  return payload;
}

function contentOf(pod: Pod, { fieldRef, resourceFieldRef }: Item, allocatable: ResourceAmounts): string {
  if (resourceFieldRef) return resourceFieldValue(pod, resourceFieldRef, allocatable);
  return fieldRef ? fieldValue(pod, fieldRef.fieldPath, nowhere) : '';
}
