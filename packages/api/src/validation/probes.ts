import type { Container, Probe } from '../objects.ts';
import { checkNonNegative, type FieldError, invalid } from './field-error.ts';
import { validateHandler } from './handlers.ts';

/** The three probes of a container. */
export function validateProbes({ livenessProbe, readinessProbe, startupProbe }: Container, path: string): FieldError[] {
  return [
    ...validateOnceSuccessful(livenessProbe, `${path}.livenessProbe`),
    ...validateOnceSuccessful(startupProbe, `${path}.startupProbe`),
    ...validateProbe(readinessProbe, `${path}.readinessProbe`),
    ...(readinessProbe?.terminationGracePeriodSeconds === undefined
      ? []
      : [
          invalid(
            `${path}.readinessProbe.terminationGracePeriodSeconds`,
            readinessProbe.terminationGracePeriodSeconds,
            'must not be set for readinessProbes',
          ),
        ]),
  ];
}

/** A probe whose failure restarts the container can't ask for more than one success. */
function validateOnceSuccessful(probe: Probe | undefined, path: string): FieldError[] {
  const { successThreshold = 1, terminationGracePeriodSeconds: grace } = probe ?? {};
  return [
    ...validateProbe(probe, path),
    ...(successThreshold > 1 ? [invalid(`${path}.successThreshold`, successThreshold, 'must be 1')] : []),
    ...(grace !== undefined && grace <= 0 ? [invalid(`${path}.terminationGracePeriodSeconds`, grace, 'must be greater than 0')] : []),
  ];
}

function validateProbe(probe: Probe | undefined, path: string): FieldError[] {
  if (!probe) return [];
  const {
    initialDelaySeconds,
    timeoutSeconds,
    periodSeconds,
    successThreshold,
    failureThreshold,
    terminationGracePeriodSeconds: _,
    ...handler
  } = probe;
  return [
    ...validateHandler(handler, path),
    ...checkNonNegative(`${path}.initialDelaySeconds`, initialDelaySeconds),
    ...checkNonNegative(`${path}.timeoutSeconds`, timeoutSeconds),
    ...checkNonNegative(`${path}.periodSeconds`, periodSeconds),
    ...checkNonNegative(`${path}.successThreshold`, successThreshold),
    ...checkNonNegative(`${path}.failureThreshold`, failureThreshold),
  ];
}
