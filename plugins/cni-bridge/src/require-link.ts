import type { Network, NetworkLink } from '@berth/sdk/cni/network';
import { CniError, errorCodes } from '@berth/sdk/cni/types';

/** An interface that was there, or was made, a moment ago. Throws a CniError (code 5) of `object` where somebody has removed it. */
export async function requireLink(network: Network, name: string, object: string): Promise<NetworkLink> {
  const link = await network.link(name);
  if (link) return link;
  throw new CniError(errorCodes.ioFailure, 'is gone: something else has just removed it', { object });
}
