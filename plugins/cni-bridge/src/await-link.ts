import { formatPrefix } from '@berth/sdk/cni/address';
import type { Network, NetworkLink } from '@berth/sdk/cni/network';
import { CniError, errorCodes } from '@berth/sdk/cni/types';

/** As the reference plugin's. */
const detectionLimitMs = 5000;
const detectionPauseMs = 20;
const carrierLimitMs = 1000;
const carrierPauseMs = 1;

/** Waits until the kernel knows that no other host has the interface's addresses. Throws a CniError of `object` where one has, or after 5 s. */
export async function awaitDetection(network: Network, object: string, device: string): Promise<void> {
  const deadline = performance.now() + detectionLimitMs;
  for (;;) {
    const addresses = await network.addresses(device);
    const duplicate = addresses.find((address) => address.duplicate);
    if (duplicate) {
      const what = `another host has the address ${formatPrefix(duplicate.prefix)}`;
      throw new CniError(errorCodes.internal, what, { object, hint: 'free it there, or give this network other addresses' });
    }
    if (addresses.every(({ tentative }) => !tentative)) return;
    if (performance.now() > deadline) {
      throw new CniError(errorCodes.internal, `duplicate address detection took longer than ${detectionLimitMs / 1000} s`, { object });
    }
    await delay(detectionPauseMs);
  }
}

/** The port forwards once the kernel has seen its carrier, a moment after the other end came up; a packet before that is lost. */
export async function awaitCarrier(host: Network, port: string): Promise<NetworkLink> {
  const deadline = performance.now() + carrierLimitMs;
  for (;;) {
    const link = await host.link(port);
    if (link?.operational) return link;
    if (performance.now() > deadline) {
      throw new CniError(errorCodes.internal, `didn't come up within ${carrierLimitMs} ms`, { object: `bridge port ${port}` });
    }
    await delay(carrierPauseMs);
  }
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
