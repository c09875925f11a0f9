import type { Address } from '@berth/sdk/cni/address';
import { formatAddress, formatPrefix, parseAddress } from '@berth/sdk/cni/address';
import type { AttachmentName } from '@berth/sdk/cni/plugin';
import type { IpConfig } from '@berth/sdk/cni/types';
import { CniError, errorCodes } from '@berth/sdk/cni/types';
import type { Configuration } from './configuration.ts';
import { findFree } from './free-address.ts';
import type { Range, RangeSet } from './range.ts';
import { formatRangeSet, rangeOf } from './range.ts';
import { nameHolder } from './reservation.ts';
import type { Store } from './store.ts';

/**
 * Reserves one address of each range set for `holder`: a requested one where it lies in the set, else the next free one.
 * Throws a CniError that names the range, and leaves nothing reserved then.
 */
export async function allocate(store: Store, { rangeSets, requested }: Configuration, holder: AttachmentName): Promise<IpConfig[]> {
  await refuseSecond(store, rangeSets, holder);
  const wanted = assign(rangeSets, requested);
  try {
    const ips: IpConfig[] = [];
    for (const [index, set] of rangeSets.entries()) {
      const address = wanted[index];
      ips.push(address ? await reserveRequested(store, set, index, address, holder) : await reserveNext(store, set, index, holder));
    }
    return ips;
  } catch (thrown) {
    // The failure that led here is the one to tell.
    await store.release(holder).catch(() => undefined);
    throw thrown;
  }
}

/** The spec forbids a second ADD without a DEL; giving out a second address would leak the first. */
async function refuseSecond(store: Store, rangeSets: RangeSet[], holder: AttachmentName): Promise<void> {
  const held = (await store.heldBy(holder)).find((text) => {
    const address = parseAddress(text);
    return address && rangeSets.some((set) => rangeOf(set, address));
  });
  if (held === undefined) return;
  throw new CniError(errorCodes.internal, `holds ${held} already`, { object: nameHolder(holder), hint: 'run DEL before another ADD' });
}

/** The requested address of each range set, if there is one. */
function assign(rangeSets: RangeSet[], requested: Address[]): (Address | undefined)[] {
  const open = [...requested];
  const assigned = rangeSets.map((set) => {
    const position = open.findIndex((address) => rangeOf(set, address));
    return position < 0 ? undefined : open.splice(position, 1)[0];
  });
  const outside = open.find((address) => !rangeSets.some((set) => rangeOf(set, address)));
  if (outside) {
    const hint = `ask for one of ${rangeSets.map(formatRangeSet).join('; ')}`;
    throw new CniError(errorCodes.invalidConfig, 'is in no range of this network', { object: nameOf(outside), hint });
  }
  const [surplus] = open;
  if (!surplus) return assigned;
  throw new CniError(errorCodes.invalidConfig, 'is one too many: a container gets one address of each range set', {
    object: nameOf(surplus),
    hint: 'ask for fewer',
  });
}

async function reserveRequested(store: Store, set: RangeSet, index: number, address: Address, holder: AttachmentName): Promise<IpConfig> {
  const range = rangeOf(set, address);
  const object = nameOf(address);
  const hint = 'ask for another one';
  if (!range || address.value === range.gateway.value)
    throw new CniError(errorCodes.invalidConfig, "is the subnet's gateway", { object, hint });
  if (!(await store.reserve(address, holder, index))) throw new CniError(errorCodes.internal, 'is taken', { object, hint });
  return ipConfig(address, range);
}

async function reserveNext(store: Store, set: RangeSet, index: number, holder: AttachmentName): Promise<IpConfig> {
  const last = store.lastReserved(index);
  const object = `range set ${index} (${formatRangeSet(set)})`;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const found = findFree(set, last, store.taken());
    if (!found) {
      const hint = 'remove containers or widen the range; GC releases what no container uses any more';
      throw new CniError(errorCodes.internal, 'has no free address left', { object, hint });
    }
    if (await store.reserve(found.address, holder, index)) return ipConfig(found.address, found.range);
  }
  throw new CniError(errorCodes.tryAgainLater, `others took the address that was found free, ${attempts} times in a row`, { object });
}

/** How often an address is looked for where somebody who takes no lock was faster. */
const attempts = 100;

function nameOf(requested: Address): string {
  return `requested address ${formatAddress(requested)}`;
}

function ipConfig(address: Address, { subnet, gateway }: Range): IpConfig {
  return { address: formatPrefix({ address, length: subnet.length }), gateway: formatAddress(gateway) };
}
