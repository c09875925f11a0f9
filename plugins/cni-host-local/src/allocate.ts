import type { Address } from '@berth/sdk/cni/address';
import { formatAddress, formatPrefix } from '@berth/sdk/cni/address';
import type { IpConfig } from '@berth/sdk/cni/types';
import { CniError, errorCodes } from '@berth/sdk/cni/types';
import type { Configuration } from './configuration.ts';
import type { Range, RangeSet } from './range.ts';
import { candidates, formatRangeSet, rangeOf } from './range.ts';
import type { Holder, Store } from './store.ts';

/**
 * Reserves one address of each range set for `holder`: a requested one where it lies in the set, else the next free one.
 * Throws a CniError that names the range, and leaves nothing reserved then.
 */
export function allocate(store: Store, { rangeSets, requested }: Configuration, holder: Holder): IpConfig[] {
  refuseSecond(store, rangeSets, holder);
  const unmet = requested.filter((address) => !rangeSets.some((set) => rangeOf(set, address)));
  if (unmet.length > 0) {
    throw new CniError(errorCodes.invalidConfig, 'is in no range of this network', {
      object: `requested address ${unmet.map(formatAddress).join(', ')}`,
    });
  }
  const open = [...requested];
  try {
    const ips = rangeSets.map((set, index) => {
      const wanted = open.findIndex((address) => rangeOf(set, address));
      const [address] = wanted < 0 ? [] : open.splice(wanted, 1);
      return address ? reserveRequested(store, set, index, address, holder) : reserveNext(store, set, index, holder);
    });
    if (open.length > 0) {
      const object = `requested address ${open.map(formatAddress).join(', ')}`;
      throw new CniError(errorCodes.invalidConfig, 'is one too many: a container gets one address of each range set', { object });
    }
    return ips;
  } catch (thrown) {
    store.release(holder);
    throw thrown;
  }
}

/** The spec forbids a second ADD without a DEL; giving out a second address would leak the first. */
function refuseSecond(store: Store, rangeSets: RangeSet[], holder: Holder): void {
  const held = store.heldBy(holder).find((address) => rangeSets.some((set) => rangeOf(set, address)));
  if (!held) return;
  const object = `container ${holder.containerId}, interface ${holder.ifName}`;
  throw new CniError(errorCodes.internal, `holds ${formatAddress(held)} already`, { object, hint: 'run DEL before another ADD' });
}

function reserveRequested(store: Store, set: RangeSet, index: number, address: Address, holder: Holder): IpConfig {
  const range = rangeOf(set, address);
  const object = `requested address ${formatAddress(address)}`;
  if (!range || address.value === range.gateway.value) throw new CniError(errorCodes.invalidConfig, "is the subnet's gateway", { object });
  if (!store.reserve(address, holder, index)) throw new CniError(errorCodes.internal, 'is taken', { object, hint: 'ask for another one' });
  return ipConfig(address, range);
}

function reserveNext(store: Store, set: RangeSet, index: number, holder: Holder): IpConfig {
  const taken = store.taken();
  for (const { address, range } of candidates(set, store.lastReserved(index))) {
    if (!taken.has(formatAddress(address)) && store.reserve(address, holder, index)) return ipConfig(address, range);
  }
  throw new CniError(errorCodes.internal, 'has no free address left', {
    object: `range set ${index} (${formatRangeSet(set)})`,
    hint: 'remove containers or widen the range',
  });
}

function ipConfig(address: Address, { subnet, gateway }: Range): IpConfig {
  return { address: formatPrefix({ address, length: subnet.length }), gateway: formatAddress(gateway) };
}
