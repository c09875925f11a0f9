import { IpNetwork } from './ip-network.ts';
import { NetlinkNetwork } from './netlink/netlink-network.ts';
import type { Network } from './network.ts';

interface NetworkOptions {
  /** Wait for no change of the kernel's: others have to be answered meanwhile. It takes a program for each run of operations. */
  beside?: boolean;
}

/**
 * The network of the namespace at a path, of this program's own without one: by netlink where this is a Bun executable, which has a way to
 * system calls, else by iproute2. Close it when done.
 */
export function openNetwork(netns?: string, { beside = false }: NetworkOptions = {}): Network {
  return (beside ? undefined : NetlinkNetwork.open(netns)) ?? new IpNetwork(netns);
}

/** Does `work` with the network of a namespace, opened as `openNetwork` does and closed behind it. */
export async function withNetwork<Answer>(
  { netns, ...options }: NetworkOptions & { netns?: string },
  work: (network: Network) => Promise<Answer>,
): Promise<Answer> {
  const network = openNetwork(netns, options);
  try {
    return await work(network);
  } finally {
    network.close();
  }
}
