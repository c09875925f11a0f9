import { isDeepStrictEqual } from 'node:util';
import { apiVersion, type ConfigurationField, type KubeletConfiguration, kind, kubeletConfiguration } from './kubelet-configuration.ts';
import { fieldSupport, valueInForce } from './support.ts';
import type { FieldProblem } from './validate.ts';

const defaults = kubeletConfiguration.parse({ apiVersion, kind });

/** Of the fields that were given, those that ask for what this node doesn't do. */
export function refusedFields(given: object, configuration: KubeletConfiguration): FieldProblem[] {
  return Object.keys(given).flatMap((name) => {
    const field = name as ConfigurationField;
    const support = fieldSupport[field];
    if (support?.kind !== 'refused') return [];
    const inForce = valueInForce(field) ?? defaults[field];
    if (isDeepStrictEqual(configuration[field], inForce)) return [];
    return [{ path: field, message: `refused: ${support.why}; ${cure(inForce)}` }];
  });
}

function cure(inForce: unknown): string {
  const empty = inForce === undefined || JSON.stringify(inForce).length > 60;
  return empty ? 'leave it out' : `leave it out, or give ${JSON.stringify(inForce)}`;
}
