import { checkDnsLabel } from '../names.ts';
import type { Volume } from '../objects.ts';
import { checkEach, checkOneOf, checkUnique, type FieldError, invalidFor, required } from './field-error.ts';
import { validateVolumeSource } from './volume-sources.ts';

/** The volumes of a pod. One without a source passes: it becomes an emptyDir. */
export function validateVolumes(volumes: Volume[] | undefined, path: string): FieldError[] {
  return [
    ...checkEach(path, volumes, ({ name, ...source }, at) => [
      ...(name ? invalidFor(`${at}.name`, name, checkDnsLabel(name)) : [required(`${at}.name`)]),
      ...(Object.keys(source).length > 0 ? checkOneOf(at, source, 'volume type') : []),
      ...validateVolumeSource(source, at),
    ]),
    ...checkUnique((volumes ?? []).map(({ name }, index) => [`${path}[${index}].name`, name])),
  ];
}
