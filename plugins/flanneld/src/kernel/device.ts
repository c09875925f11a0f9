import { type Address, bits, formatAddress } from '@berth/sdk/cni/address';
import { forceBatch, type IpCommand } from '@berth/sdk/cni/ip-batch';
import { PluginError } from '@berth/sdk/errors';
import type { ShownLink } from './shown.ts';

/** What a device of ours has to be. */
interface DeviceSetting {
  name: string;
  mtu: number;
  /** The MAC address, of a device that has one. */
  mac?: string;
  /** Its only address of the family, a prefix of its own; without one the device is left as it is, and down where it was made. */
  address?: Address | undefined;
}

/** What makes a device, of which `shown` is what the kernel says, be as it has to be; nothing where it is. */
export function planDevice({ name, mtu, mac, address }: DeviceSetting, shown: Partial<ShownLink>): IpCommand[] {
  return [
    ...(mac === undefined || shown.address === mac ? [] : [['link', 'set', 'dev', name, 'address', mac]]),
    ...(shown.mtu === mtu ? [] : [['link', 'set', 'dev', name, 'mtu', String(mtu)]]),
    ...(address ? planAddress(name, address, shown) : []),
  ];
}

function planAddress(name: string, address: Address, { addr_info = [], flags = [] }: Partial<ShownLink>): IpCommand[] {
  const wanted = formatAddress(address);
  const family = address.family === 4 ? 'inet' : 'inet6';
  const own = addr_info.filter((info) => info.family === family && info.scope !== 'link');
  const stale = own.filter(({ local }) => local !== wanted);
  return [
    ...stale.map(({ local, prefixlen }) => ['address', 'del', `${local}/${prefixlen}`, 'dev', name]),
    ...(own.length > stale.length ? [] : [['address', 'add', `${wanted}/${bits(address)}`, 'dev', name]]),
    ...(flags.includes('UP') ? [] : [['link', 'set', 'dev', name, 'up']]),
  ];
}

/** Carries out commands on a device. Throws INTERNAL that names it and the first that failed. */
export async function changeDevice(name: string, commands: readonly IpCommand[]): Promise<void> {
  const { failures } = await forceBatch('ip', commands);
  const [failure] = failures;
  if (failure) throw new PluginError('INTERNAL', `\`${failure.command}\` failed: ${failure.reason}`, { object: `device ${name}` });
}
