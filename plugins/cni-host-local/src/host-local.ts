import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { formatAddress, parsePrefix } from '@berth/sdk/cni/address';
import type { Request } from '@berth/sdk/cni/plugin';
import { cniPlugin } from '@berth/sdk/cni/plugin';
import type { Result } from '@berth/sdk/cni/types';
import { CniError, errorCodes } from '@berth/sdk/cni/types';
import { allocate } from './allocate.ts';
import { requireAvailable } from './availability.ts';
import { readConfiguration, readDataDir } from './configuration.ts';
import type { RangeSet } from './range.ts';
import { rangeOf } from './range.ts';
import { nameHolder } from './reservation.ts';
import { readResolvConf } from './resolv-conf.ts';
import { Store } from './store.ts';

/** Gives each container an address of every range set and keeps the reservations in files of this host. */
export const plugin = cniPlugin({
  name: 'host-local',

  async add(request) {
    const configuration = readConfiguration(request);
    const { dataDir, routes, resolvConf } = configuration;
    const dns = resolvConf === undefined ? undefined : readResolvConf(resolvConf);
    const ips = await Store.use(dataDir, networkOf(request), (store) => allocate(store, configuration, request));
    return { ips, routes, ...(dns ? { dns } : {}) };
  },

  async del(request) {
    await useExisting(request, (store) => store.release(request));
  },

  async check(request) {
    const { rangeSets } = readConfiguration(request);
    const held = (await useExisting(request, (store) => store.heldBy(request))) ?? [];
    const missing = givenBy(request.prevResult, rangeSets).find((address) => !held.includes(address));
    if (held.length > 0 && missing === undefined) return;
    const what = held.length > 0 ? `holds ${held.join(', ')}, and not ${missing} of prevResult` : 'has no address reserved';
    throw new CniError(errorCodes.internal, `${what} in ${storeOf(request)}`, {
      object: nameHolder(request),
      hint: 'run DEL and ADD again',
    });
  },

  async gc(request) {
    await useExisting(request, (store) => store.releaseAllBut(request.validAttachments));
  },

  status(request) {
    requireAvailable(readConfiguration(request), request.config.name);
  },
});

/** A store that was never made holds nothing, and only ADD should make one. */
async function useExisting<T>(request: Request, work: (store: Store) => Promise<T>): Promise<T | undefined> {
  return existsSync(storeOf(request)) ? Store.use(readDataDir(request), networkOf(request), work) : undefined;
}

/** The addresses of a result that are from these ranges: another plugin of the chain may have added one. */
function givenBy(result: Result | undefined, rangeSets: RangeSet[]): string[] {
  const addresses = (result?.ips ?? []).flatMap((ip) => parsePrefix(ip.address)?.address ?? []);
  return addresses.filter((address) => rangeSets.some((set) => rangeOf(set, address))).map(formatAddress);
}

function storeOf(request: Request): string {
  return join(readDataDir(request), networkOf(request));
}

/** The skeleton has checked that it is a name that fits into a path. */
function networkOf({ config }: Request): string {
  return config.name ?? '';
}
