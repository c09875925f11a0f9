import type { Need } from '../suite.ts';
import type { PluginKind } from './kind.ts';
import { isAtLeast } from './results.ts';
import type { CniTarget } from './target.ts';

/** The case is about plugins of one of these kinds. */
export function kind(...kinds: PluginKind[]): Need<CniTarget> {
  return {
    name: kinds.join(' or '),
    missing: async (target) =>
      kinds.includes(target.kind) ? undefined : `it is about ${kinds.join(' and ')} plugins, and this is of kind ${target.kind}`,
  };
}

/** The plugin supports this version of the specification, whatever else it supports. */
export function version(wanted: string): Need<CniTarget> {
  return {
    name: `version ${wanted}`,
    missing: async ({ versions }) => (versions.includes(wanted) ? undefined : `the plugin doesn't support version ${wanted}`),
  };
}

/** The plugin supports this version or a newer one, so that it has what came with it. */
export function since(wanted: string): Need<CniTarget> {
  return {
    name: `version ${wanted} or newer`,
    missing: async ({ newest }) =>
      isAtLeast(newest, wanted) ? undefined : `it came with version ${wanted}, and the plugin supports none newer than ${newest}`,
  };
}

/** A main plugin that takes addresses from another. */
export const delegatesIpam: Need<CniTarget> = {
  name: 'IPAM',
  missing: async ({ ipamType }) => (ipamType === undefined ? 'the plugin takes its addresses from no IPAM plugin' : undefined),
};

/** The plugin has addresses to give, itself or by another. */
export const hasAddresses: Need<CniTarget> = {
  name: 'addresses',
  missing: async ({ givesAddresses }) => (givesAddresses ? undefined : 'the plugin gives no addresses'),
};

/** The plugin chooses the addresses, so that several containers can have some. */
export const choosesAddresses: Need<CniTarget> = {
  name: 'a choice of addresses',
  missing: async (target) => (target.givesFixedAddresses ? 'its configuration says which address it gives, to whomever' : undefined),
};

/** The configuration says that the runtime may ask for it (CONVENTIONS.md, "Dynamic plugin-specific fields"). */
export function capability(name: string): Need<CniTarget> {
  return {
    name: `capability ${name}`,
    missing: async ({ given }) =>
      (given.config.capabilities as Record<string, unknown> | undefined)?.[name] === true
        ? undefined
        : `its configuration has no capability ${name}`,
  };
}
