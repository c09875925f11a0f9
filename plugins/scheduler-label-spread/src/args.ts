import { PluginError } from '@berth/sdk/errors';

/** The plugin's `args`. */
export interface LabelSpreadArgs {
  /** Pods with the same value of this label are kept apart. Default `app`. */
  podLabel: string;
  /** The node label whose values are the domains. Default `kubernetes.io/hostname`: each node is one. */
  topologyKey: string;
  /** How many pods more than the emptiest domain one may have, 1 or more. Default: any number, spreading is only preferred. */
  maxSkew?: number;
}

const defaults: LabelSpreadArgs = { podLabel: 'app', topologyKey: 'kubernetes.io/hostname' };

/** Fills in the defaults. Throws INVALID_ARGUMENT for an argument that isn't known, or has no such value. */
export function readArgs(given: Record<string, unknown>): LabelSpreadArgs {
  const { podLabel = defaults.podLabel, topologyKey = defaults.topologyKey, maxSkew, ...others } = given;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw invalid(unknown, 'there is no such argument', 'use podLabel, topologyKey or maxSkew');
  return {
    podLabel: readLabel(podLabel, 'podLabel'),
    topologyKey: readLabel(topologyKey, 'topologyKey'),
    ...(maxSkew !== undefined && { maxSkew: readSkew(maxSkew) }),
  };
}

function readLabel(value: unknown, argument: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw invalid(argument, `${JSON.stringify(value)} is no label key`, `give one such as ${defaults.podLabel}`);
}

function readSkew(value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1) return value;
  throw invalid('maxSkew', `${JSON.stringify(value)} is no whole number of 1 or more`, 'give one such as 1');
}

function invalid(argument: string, what: string, hint: string): PluginError {
  return new PluginError('INVALID_ARGUMENT', what, { object: `LabelSpread's argument ${argument}`, hint });
}
