import type { Container, PodSpec } from '../objects.ts';
import { checkSupported, checkUnique, type FieldError, invalid } from './field-error.ts';

/** Whether a container is restarted when its CPU or memory is changed in place. */
export function validateResizePolicy(
  { resizePolicy = [] }: Container,
  podRestartPolicy: PodSpec['restartPolicy'],
  path: string,
): FieldError[] {
  const at = `${path}.resizePolicy`;
  return [
    ...checkUnique(resizePolicy.map(({ resourceName }) => [at, resourceName])),
    ...resizePolicy.flatMap(({ resourceName, restartPolicy }) => [
      ...checkSupported(at, resourceName || ' ', ['cpu', 'memory']),
      ...checkSupported(at, restartPolicy || ' ', ['NotRequired', 'RestartContainer']),
      ...(podRestartPolicy === 'Never' && restartPolicy === 'RestartContainer'
        ? [invalid(at, restartPolicy, "must be 'NotRequired' when `restartPolicy` is 'Never'")]
        : []),
    ]),
  ];
}
