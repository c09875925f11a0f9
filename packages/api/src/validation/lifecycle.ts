import type { Lifecycle, LifecycleHandler } from '../objects.ts';
import { type FieldError, forbidden, invalid } from './field-error.ts';
import { validateHandler } from './handlers.ts';

/** The hooks of a container; `graceSeconds` is the pod's terminationGracePeriodSeconds. */
export function validateLifecycle(
  { postStart, preStop, stopSignal }: Lifecycle,
  path: string,
  graceSeconds: number,
  osName: string | undefined,
): FieldError[] {
  return [
    ...(postStart ? validateHook(postStart, `${path}.postStart`, graceSeconds) : []),
    ...(preStop ? validateHook(preStop, `${path}.preStop`, graceSeconds) : []),
    ...(stopSignal && !osName ? [forbidden(`${path}.stopSignal`, 'may not be set for containers with empty `spec.os.name`')] : []),
  ];
}

function validateHook(hook: LifecycleHandler, path: string, graceSeconds: number): FieldError[] {
  const seconds = hook.sleep?.seconds;
  return [
    ...validateHandler(hook, path),
    ...(seconds !== undefined && (seconds < 0 || seconds > graceSeconds)
      ? [invalid(`${path}.sleep`, seconds, `must be non-negative and less than terminationGracePeriodSeconds (${graceSeconds})`)]
      : []),
  ];
}
