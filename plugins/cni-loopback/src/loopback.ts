import type { Prefix } from '@berth/sdk/cni/address';
import { contains, formatPrefix, parsePrefix } from '@berth/sdk/cni/address';
import { nameOperation } from '@berth/sdk/cni/name-operation';
import type { Network, NetworkAddress, NetworkLink } from '@berth/sdk/cni/network';
import { requireNetworkNamespace } from '@berth/sdk/cni/network-namespace';
import { withNetwork } from '@berth/sdk/cni/open-network';
import { cniPlugin } from '@berth/sdk/cni/plugin';
import type { Result } from '@berth/sdk/cni/types';
import { CniError, errorCodes } from '@berth/sdk/cni/types';
import { isNamespaceFile } from '@berth/sdk/namespace-file';

const device = 'lo';

/** Brings `lo` up in the container's network namespace. The interface is always `lo`, whatever CNI_IFNAME says. */
export const plugin = cniPlugin({
  name: 'loopback',

  async add({ netns, prevResult }) {
    requireNetworkNamespace(netns);
    return withNetwork({ netns }, async (network) => {
      await setState(network, netns, true);
      const [link, addresses] = [await network.link(device), await network.addresses(device)];
      refuseForeignAddresses(netns, addresses);
      return prevResult ?? describe(netns, link, addresses);
    });
  },

  async del({ netns }) {
    // A namespace that is gone, or a file left behind by one, has no interface to take down.
    if (isNamespaceFile(netns)) await withNetwork({ netns }, (network) => setState(network, netns, false));
  },

  async check({ netns }) {
    requireNetworkNamespace(netns);
    const link = await withNetwork({ netns }, (network) => network.link(device));
    if (link?.up) return;
    throw new CniError(errorCodes.internal, 'is down', { object: nameLoopback(netns), hint: 'run DEL and ADD again' });
  },
});

async function setState(network: Network, netns: string, up: boolean): Promise<void> {
  const failure = await network.apply([{ do: 'set link', name: device, up }]);
  if (!failure) return;
  const what = `can't ${nameOperation(failure.operation)} ${up ? 'up' : 'down'}: ${failure.reason}`;
  throw new CniError(errorCodes.ioFailure, what, { object: nameLoopback(netns) });
}

/** The networks that never leave a host (RFC 1122, RFC 4291). */
const loopbackNetworks = ['127.0.0.0/8', '::1/128'].flatMap((network) => parsePrefix(network) ?? []);

/** As the reference plugin: an address of another network on `lo` is somebody's mistake. */
function refuseForeignAddresses(netns: string, addresses: NetworkAddress[]): void {
  const foreign = addresses.find(({ prefix }) => !isLoopback(prefix));
  if (!foreign) return;
  const what = `has the address ${formatPrefix(foreign.prefix)}, which is no loopback address`;
  throw new CniError(errorCodes.internal, what, { object: nameLoopback(netns), hint: 'remove it' });
}

function isLoopback({ address }: Prefix): boolean {
  return loopbackNetworks.some((network) => contains(network, address));
}

/** The first address of each family, as the reference plugin tells them. */
function describe(netns: string, lo: NetworkLink | undefined, addresses: NetworkAddress[]): Result {
  const families = [4, 6] as const;
  const told = families.flatMap((family) => addresses.find(({ prefix }) => prefix.address.family === family) ?? []);
  return {
    interfaces: [{ name: device, mac: lo?.mac || '00:00:00:00:00:00', sandbox: netns }],
    ips: told.map(({ prefix }) => ({ interface: 0, address: formatPrefix(prefix) })),
  };
}

function nameLoopback(netns: string): string {
  return `interface ${device} in ${netns}`;
}
