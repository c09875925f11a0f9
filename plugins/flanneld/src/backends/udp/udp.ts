import { formatPrefix, type Prefix } from '@berth/sdk/cni/address';
import { PluginError } from '@berth/sdk/errors';
import type { ExternalInterface } from '../../interface/external-interface.ts';
import { apply } from '../../kernel/apply.ts';
import { changeDevice, planDevice } from '../../kernel/device.ts';
import { planRoutes, routeProtocol } from '../../kernel/entries.ts';
import { type ShownLink, showNetwork } from '../../kernel/shown.ts';
import type { Lease, LeaseAttributes } from '../../subnet/lease.ts';
import type { Backend, Failure } from '../backend.ts';
import type { NextHop } from './next-hops.ts';
import { PacketProxy } from './proxy.ts';
import type { UdpConfig } from './udp-config.ts';

const udpType = 'udp';

/** The headers of IP and UDP around each packet, in bytes. */
const encapsulation = 28;

/** Packets in UDP, carried by this process through a TUN device: it works on any kernel, slowly. */
export class Udp implements Backend {
  readonly type = udpType;
  readonly mtu: number;
  readonly #config: UdpConfig;
  readonly #external: ExternalInterface;
  #lease: Lease | undefined;
  #proxy: PacketProxy | undefined;

  constructor(external: ExternalInterface, config: UdpConfig) {
    this.#external = external;
    this.#config = config;
    this.mtu = external.mtu - encapsulation;
  }

  /** Without a type, as flannel's own daemon writes it. */
  async prepare(): Promise<LeaseAttributes> {
    return { publicIp: this.#external.publicIps, backendData: {} };
  }

  async start(lease: Lease): Promise<void> {
    this.#lease = lease;
    await this.#ensureTunnel([]);
  }

  async reconcile(others: readonly Lease[]): Promise<Failure[]> {
    const { links, routes } = await showNetwork();
    const proxy = await this.#ensureTunnel(links);
    proxy.use(nextHops(others));
    const wanted = [{ destination: formatPrefix(this.#config.network), device: proxy.device }];
    const { add, remove } = planRoutes(wanted, routes, ({ protocol }) => protocol === routeProtocol);
    return apply('ip', [...add, ...remove]);
  }

  async close(): Promise<void> {
    await this.#proxy?.close();
    this.#proxy = undefined;
  }

  /** Opens the tunnel where its device isn't among `links`, and makes the device be as it has to be. */
  async #ensureTunnel(links: readonly ShownLink[]): Promise<PacketProxy> {
    const subnet = this.#lease?.subnets[4];
    if (!subnet) throw new PluginError('INTERNAL', 'has no IPv4 subnet', { object: 'this host' });
    const present = links.find(({ ifname }) => ifname === this.#proxy?.device);
    const proxy = present && this.#proxy ? this.#proxy : await this.#open(subnet);
    await changeDevice(proxy.device, planDevice({ name: proxy.device, mtu: this.mtu, address: subnet.address }, present ?? {}));
    return proxy;
  }

  /** Opens the tunnel anew: its device ends with it. */
  async #open({ address }: Prefix): Promise<PacketProxy> {
    await this.close();
    const host = this.#external.addresses[4];
    if (!host) throw new PluginError('INTERNAL', 'has no IPv4 address', { object: 'this host' });
    const ends = { tunnel: Number(address.value), host: Number(host.value), port: this.#config.port, mtu: this.mtu };
    this.#proxy = PacketProxy.open(ends);
    return this.#proxy;
  }
}

/** Which host has which subnet. flannel's own daemons name no back end. */
export function nextHops(leases: readonly Lease[]): NextHop[] {
  return leases.flatMap(({ subnets, attributes: { backendType = udpType, publicIp } }) => {
    const [subnet, host] = [subnets[4], publicIp[4]];
    if (backendType !== udpType || !subnet || !host) return [];
    return [{ network: Number(subnet.address.value), length: subnet.length, host: Number(host.value) }];
  });
}
