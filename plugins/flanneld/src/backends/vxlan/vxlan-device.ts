import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Address, formatAddress } from '@berth/sdk/cni/address';
import type { IpCommand } from '@berth/sdk/cni/ip-batch';
import { setSysctl } from '@berth/sdk/cni/sysctl';
import { PluginError } from '@berth/sdk/errors';
import { changeDevice, planDevice } from '../../kernel/device.ts';
import type { ShownLink } from '../../kernel/shown.ts';
import type { Family } from '../../per-family.ts';
import type { VxlanConfig } from './vxlan-config.ts';

/** Bytes that VXLAN adds to a packet: the headers of IP, UDP, VXLAN and the inner Ethernet frame. */
export const encapsulation: Record<Family, number> = { 4: 50, 6: 70 };

/** The kernel's, where nobody has given its module another. */
const usualPort = 8472;

/** What a host's VXLAN device is made of. */
interface VxlanDeviceSpec {
  family: Family;
  config: VxlanConfig;
  /** The interface to the other hosts, and the host's address on it. */
  link: string;
  local: Address;
  linkMtu: number;
}

function deviceName({ family, config }: Pick<VxlanDeviceSpec, 'family' | 'config'>): string {
  return `flannel${family === 6 ? '-v6' : ''}.${config.vni}`;
}

/** The device of one family, which outlives this process: a restarted daemon takes it over, with the MAC address that the others know. */
export class VxlanDevice {
  readonly name: string;
  readonly #spec: VxlanDeviceSpec;
  #mac: string | undefined;
  #address: Address | undefined;

  constructor(spec: VxlanDeviceSpec) {
    this.#spec = spec;
    this.name = deviceName(spec);
  }

  /** The MAC address that the other hosts send to; known after `ensure()`. */
  get mac(): string {
    if (this.#mac === undefined) throw new Error(`${this.name} was not made yet`);
    return this.#mac;
  }

  /** From now on the device has this address and is up. It is told to nobody, and serves as the source of what the host itself sends to pods. */
  useAddress(address: Address): void {
    this.#address = address;
  }

  /**
   * Makes the device as it has to be, where it isn't, and says whether it had to make a new one. Throws ALREADY_EXISTS where its name is another
   * kind's, and INTERNAL that names the device where the kernel refuses.
   */
  async ensure(links: readonly ShownLink[]): Promise<boolean> {
    const present = links.find(({ ifname }) => ifname === this.name);
    if (present && present.linkinfo?.info_kind !== 'vxlan') throw this.#foreign(present);
    const usable = present !== undefined && differences(this.#spec, present).length === 0;
    this.#mac ??= usable && present.address ? present.address : randomMac(this.#spec.config.macPrefix);
    const setting = { name: this.name, mtu: this.#mtu, mac: this.#mac, address: this.#address };
    if (!usable) await this.#make(this.#mac, present !== undefined);
    await changeDevice(this.name, planDevice(setting, usable ? present : { mtu: this.#mtu, address: this.#mac }));
    return !usable;
  }

  async #make(mac: string, instead: boolean): Promise<void> {
    await changeDevice(this.name, [...(instead ? [['link', 'del', 'dev', this.name]] : []), addCommand(this.#spec, mac, this.#mtu)]);
    setSysctl(`/proc/sys/net/ipv6/conf/${this.name}/accept_ra`, '0');
  }

  get #mtu(): number {
    return this.#spec.linkMtu - encapsulation[this.#spec.family];
  }

  #foreign({ linkinfo }: ShownLink): PluginError {
    return new PluginError('ALREADY_EXISTS', `there is one already, of the kind ${linkinfo?.info_kind ?? 'unknown'} and not vxlan`, {
      object: `device ${this.name}`,
      hint: 'remove or rename it, or choose another VNI',
    });
  }
}

/** In what a VXLAN device differs from what it must be, as far as only a new one has it; its keys. */
export function differences({ config, link, local }: VxlanDeviceSpec, { linkinfo }: ShownLink): string[] {
  const actual = linkinfo?.info_data ?? {};
  const wanted: Record<string, unknown> = {
    id: config.vni,
    link,
    [local.family === 4 ? 'local' : 'local6']: formatAddress(local),
    port: config.port === 0 ? kernelPort() : config.port,
    learning: config.learning,
  };
  const differing = Object.keys(wanted).filter((key) => actual[key] !== wanted[key]);
  // It is listed where it is on, with a value that has changed between versions of iproute2.
  return 'gbp' in actual === config.gbp ? differing : [...differing, 'gbp'];
}

/** What the kernel takes where it is told no port. */
function kernelPort(): number {
  try {
    return Number(readFileSync('/sys/module/vxlan/parameters/udp_port', 'utf8'));
  } catch {
    return usualPort;
  }
}

function addCommand(spec: VxlanDeviceSpec, mac: string, mtu: number): IpCommand {
  const { config, link, local } = spec;
  return [
    ...['link', 'add', deviceName(spec), 'address', mac, 'mtu', String(mtu)],
    ...['type', 'vxlan', 'id', String(config.vni), 'dev', link, 'local', formatAddress(local), 'dstport', String(config.port)],
    config.learning ? 'learning' : 'nolearning',
    ...(config.gbp ? ['gbp'] : []),
  ];
}

/** A locally administered one, of one device only. */
function randomMac(prefix: string | undefined): string {
  const bytes = randomBytes(6);
  bytes[0] = ((bytes[0] ?? 0) & 0xfc) | 0x02;
  const text = [...bytes].map((byte) => byte.toString(16).padStart(2, '0'));
  return [...(prefix === undefined ? text.slice(0, 2) : [prefix]), ...text.slice(2)].join(':');
}
