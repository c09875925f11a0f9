import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cniPlugin } from '@berth/sdk/cni/plugin';
import { CniError, errorCodes } from '@berth/sdk/cni/types';
import { allocate } from './allocate.ts';
import { readConfiguration } from './configuration.ts';
import { readResolvConf } from './resolv-conf.ts';
import { Store } from './store.ts';

/** Gives each container an address of every range set and keeps the reservations in files of this host. */
export const plugin = cniPlugin({
  name: 'host-local',

  add(request) {
    const configuration = readConfiguration(request);
    const { dataDir, routes, resolvConf } = configuration;
    const dns = resolvConf === undefined ? undefined : readResolvConf(resolvConf);
    const ips = Store.use(dataDir, networkOf(request), (store) => allocate(store, configuration, request));
    return { ips, routes, ...(dns ? { dns } : {}) };
  },

  del(request) {
    const { dataDir } = readConfiguration(request);
    // A store that was never made holds nothing, and DEL shouldn't make one.
    if (!existsSync(join(dataDir, networkOf(request)))) return;
    Store.use(dataDir, networkOf(request), (store) => store.release(request));
  },

  check(request) {
    const { dataDir } = readConfiguration(request);
    const held = Store.use(dataDir, networkOf(request), (store) => store.heldBy(request));
    if (held.length > 0) return;
    const object = `container ${request.containerId}, interface ${request.ifName}`;
    throw new CniError(errorCodes.internal, `has no address reserved in ${join(dataDir, networkOf(request))}`, { object });
  },
});

function networkOf({ config }: { config: { name?: string } }): string {
  return config.name ?? '';
}
