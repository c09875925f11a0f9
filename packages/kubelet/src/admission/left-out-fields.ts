import type { Pod } from '@berth/api/objects';
import { specOf } from '../pod.ts';
import { containerFields } from './container-fields.ts';

/** What a pod asks for and the node leaves out, the pod running all the same. */
export function leftOutFields(pod: Pod): { reason: string; message: string }[] {
  const warn = (reason: string, fields: string[], effect: string) =>
    fields.length > 0 ? [{ reason, message: `${fields.join(', ')}: ${effect}` }] : [];
  return [...warn('StorageLimitsNotSupported', storageLimits(pod), 'ignored; the size of volumes and container files is not watched')];
}

function storageLimits(pod: Pod): string[] {
  const sized = (specOf(pod).volumes ?? []).flatMap(({ emptyDir }, index) =>
    emptyDir?.sizeLimit !== undefined && emptyDir.medium !== 'Memory' ? [`spec.volumes[${index}].emptyDir.sizeLimit`] : [],
  );
  const limited = containerFields(pod).filter(([{ resources }]) => resources?.limits?.['ephemeral-storage'] !== undefined);
  return [...sized, ...limited.map(([, path]) => `${path}.resources.limits[ephemeral-storage]`)];
}
