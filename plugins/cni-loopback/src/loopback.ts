import { existsSync } from 'node:fs';
import type { Link } from '@berth/sdk/cni/ip-batch';
import { ipBatch, tryIpBatch } from '@berth/sdk/cni/ip-batch';
import { cniPlugin } from '@berth/sdk/cni/plugin';
import type { Result } from '@berth/sdk/cni/types';
import { CniError, errorCodes } from '@berth/sdk/cni/types';

/** Brings `lo` up in the container's network namespace. The interface is always `lo`, whatever CNI_IFNAME says. */
export const plugin = cniPlugin({
  name: 'loopback',

  add({ netns, prevResult }) {
    if (!existsSync(netns)) throw missing(netns);
    const [links = []] = ipBatch(
      `loopback in ${netns}`,
      [
        ['link', 'set', 'dev', 'lo', 'up'],
        ['address', 'show', 'dev', 'lo'],
      ],
      netns,
    );
    return prevResult ?? describe(netns, links[0]);
  },

  del({ netns }) {
    // A namespace that is gone, or a file left behind by one, has no interface to take down.
    if (existsSync(netns)) tryIpBatch([['link', 'set', 'dev', 'lo', 'down']], netns);
  },

  check({ netns }) {
    if (!existsSync(netns)) throw missing(netns);
    const [links = []] = ipBatch(`loopback in ${netns}`, [['link', 'show', 'dev', 'lo']], netns);
    if (links[0]?.flags?.includes('UP')) return;
    throw new CniError(errorCodes.internal, 'is down', { object: `interface lo in ${netns}`, hint: 'run DEL and ADD again' });
  },
});

function describe(netns: string, lo: Link | undefined): Result {
  const addresses = lo?.addr_info ?? [];
  return {
    interfaces: [{ name: 'lo', mac: lo?.address ?? '00:00:00:00:00:00', sandbox: netns }],
    ips: addresses.map(({ local, prefixlen }) => ({ interface: 0, address: `${local}/${prefixlen}` })),
  };
}

function missing(netns: string): CniError {
  return new CniError(errorCodes.invalidEnvironment, `no network namespace at ${netns}`, { object: 'CNI_NETNS' });
}
