import type { Network } from '@berth/sdk/cni/network';
import { openNetwork } from '@berth/sdk/cni/open-network';

/** The networks of the host and of a container. Close them when done. */
export interface HostAndContainer {
  host: Network;
  container: Network;
  close(): void;
}

/** `netns`: the container's. */
export function openHostAndContainer(netns: string): HostAndContainer {
  const host = openNetwork();
  try {
    const container = openNetwork(netns);
    const close = () => {
      host.close();
      container.close();
    };
    return { host, container, close };
  } catch (thrown) {
    host.close();
    throw thrown;
  }
}
